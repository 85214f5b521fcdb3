/** Bars of energy, one a day or month; the table beside them says the same and is what leads on by keyboard. */

import { element } from "../element.js";
import { locale } from "../language.js";
import { roundAbove } from "./steps.js";

const GRID_LINES = 4;

/**
 * @typedef {{
 *   label: string, title: string, href: string | null, kwh: number | null, before: number | null, kind: string
 * }} Bar `before` is that of the year before; `kind` has the classes `open`, `low`, `weekend` or none
 */

/**
 * @param {string} caption @param {Bar[]} bars @param {HTMLElement | null} [key] what the kinds of bars are
 */
export function barsOf(caption, bars, key = null) {
  const top = roundAbove(Math.max(...bars.flatMap(({ kwh, before }) => [kwh ?? 0, before ?? 0])));
  const numbers = new Intl.NumberFormat(locale(), { maximumFractionDigits: 3 });
  const scale = Array.from({ length: GRID_LINES + 1 }, (_, i) => numbers.format((top * (GRID_LINES - i)) / GRID_LINES));
  return element(
    "figure",
    { class: "bars" },
    element("figcaption", {}, element("span", {}, caption), key),
    element(
      "div",
      { class: "bars-area", "aria-hidden": "true" },
      element("div", { class: "bars-scale" }, ...scale.map((each) => element("span", {}, each))),
      element("div", { class: "bars-plot" }, ...bars.map((each) => barOf(each, top))),
    ),
  );
}

/** What the kinds of bars are. @param {string[][]} kinds class and words of each */
export function barsKey(kinds) {
  return element(
    "span",
    { class: "bars-key" },
    ...kinds.map(([kind, words]) =>
      element("span", {}, element("span", { class: `swatch ${kind}`, "aria-hidden": "true" }), words),
    ),
  );
}

function barOf(/** @type {Bar} */ { label, title, href, kwh, before, kind }, /** @type {number} */ top) {
  const of = (/** @type {string} */ name, /** @type {number | null} */ value) => {
    if (value === null) return null;
    const bar = element("span", { class: name });
    bar.style.height = `${(value / top) * 100}%`;
    return bar;
  };
  const stack = element("span", { class: "stack" }, of("fill before", before), of(`fill ${kind}`, kwh));
  const text = element("span", { class: "label" }, label);
  return href === null
    ? element("span", { class: "bar" }, stack, text)
    : element("a", { class: "bar", href, title, tabindex: "-1" }, stack, text);
}
