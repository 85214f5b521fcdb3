/** What reports are made of: names with values, tables, differences in words. */

import { element } from "../element.js";
import * as format from "../format.js";
import { locale, t } from "../language.js";

/** @typedef {Node | string | null} Content */

/** A name with its value and what that rests on. */
export function tile(/** @type {string} */ name, /** @type {string} */ value, /** @type {Content} */ note = null) {
  return element("div", {}, element("dt", {}, name), element("dd", {}, value, note && element("small", {}, note)));
}

/**
 * A table in a region that scrolls where it is wider than the page.
 * @param {string} name @param {Content[]} columns @param {HTMLElement[]} rows from `row` @param {HTMLElement | null} [foot]
 */
export function table(name, columns, rows, foot = null) {
  return element(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": name },
    element(
      "table",
      { class: "report-table" },
      element("caption", { class: "unseen" }, name),
      element("thead", {}, element("tr", {}, ...columns.map((each) => element("th", { scope: "col" }, each)))),
      element("tbody", {}, ...rows),
      foot && element("tfoot", {}, foot),
    ),
  );
}

/** A row; the first cell names it. @param {Content} name @param {Content[]} cells @param {string} [kind] a class */
export function row(name, cells, kind = "") {
  return element(
    "tr",
    { class: kind || null },
    element("th", { scope: "row" }, name),
    ...cells.map((each) => element("td", {}, each)),
  );
}

/** `+0.412 kWh`; a difference in kWh where either of what is compared is. */
export function energyDifference(/** @type {number} */ wh, /** @type {number} */ of) {
  const inKwh = Math.max(Math.abs(wh), Math.abs(of)) >= 1000;
  return inKwh ? `${signed(wh / 1000, 3)} kWh` : `${signed(wh, 2)} Wh`;
}

/** `+4.1 %` @param {number} share of 1 */
export function percentDifference(share) {
  return `${signed(share * 100, 1)} %`;
}

/** `+12.3 W` @param {number | null} watts @param {number} digits */
export function wattsDifference(watts, digits) {
  return watts === null ? "–" : `${signed(watts, digits)} W`;
}

/** With a sign that is not a hyphen; what rounds to nothing has none. */
function signed(/** @type {number} */ value, /** @type {number} */ digits) {
  const options = /** @type {Intl.NumberFormatOptions} */ ({
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    signDisplay: "exceptZero",
  });
  return new Intl.NumberFormat(locale(), options).format(value).replace("-", "−");
}

/** `10.123 kWh`, or `10.123 kWh so far`. @param {number} wh @param {boolean} isOpen */
export function energySoFar(wh, isOpen) {
  return isOpen ? t("reports.so_far", { what: format.energy(wh) }) : format.energy(wh);
}

/** Options of a chooser, machines under the names of their groups. @param {import("../published/fleet.js").Fleet} fleet */
export function machineOptions(fleet) {
  /** @type {Map<string, HTMLElement[]>} */
  const groups = new Map();
  for (const each of fleet.machines) {
    const option = element("option", { value: fleet.address(each) }, each.title);
    const found = groups.get(each.group);
    if (found) found.push(option);
    else groups.set(each.group, [option]);
  }
  return [...groups].flatMap(([name, options]) =>
    name ? [element("optgroup", { label: name }, ...options)] : options,
  );
}
