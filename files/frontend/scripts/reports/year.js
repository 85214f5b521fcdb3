/** A calendar of a year: its days by weeks, coloured by energy, each leading to its report. */

import { element } from "../element.js";
import * as format from "../format.js";
import { dateLocale, locale, t } from "../language.js";
import { longDay, monthName } from "../time.js";
import { LOW_COVERAGE } from "../trust.js";
import { coverage, energyWh } from "./days.js";
import { dayByKey, firstWeekday, monthsOf, weekdayNames, weeksOfMonth } from "./month-grid.js";
import { energySoFar } from "./parts.js";
import { boundsOf, colourOf, stepOf } from "./steps.js";

/** @typedef {import("./days.js").Day} Day */

/** `Tuesday, 24 November 2026: 10.123 kWh, coverage 99.90 %`. @param {Day} day */
export function nameOfDay(day) {
  return t("calendar.day_name", {
    day: longDay(day.day),
    energy: energySoFar(energyWh(day), day.isOpen),
    coverage: format.coverage(day.coveredMs, day.spanMs),
  });
}

/**
 * @param {string} year @param {Map<string, Day>} days
 * @param {{ report: (day: string) => string, month: (month: string) => string }} links
 */
export function yearCalendar(year, days, links) {
  const shown = [...days.values()].filter(({ day }) => day.startsWith(year));
  const measure = shown.filter((each) => !each.isOpen && coverage(each) >= LOW_COVERAGE);
  const bounds = boundsOf((measure.length > 0 ? measure : shown).map((each) => energyWh(each) / 1000));
  const first = firstWeekday(dateLocale());
  const there = shown.map(({ day }) => day).sort();
  // One of the days is in the order of the tab key, the arrows lead to the others.
  const entry = there[there.length - 1];
  /** @type {Map<string, HTMLElement>} */
  const anchors = new Map();
  const cell = (/** @type {string | null} */ day) => {
    if (day === null) return element("td");
    const number = String(Number(day.slice(8)));
    const found = days.get(day);
    if (!found) return element("td", {}, element("span", { class: "day none" }, number));
    const step = colourOf(stepOf(bounds, energyWh(found) / 1000), bounds.length + 1);
    const low = coverage(found) < LOW_COVERAGE ? " low" : "";
    const anchor = element(
      "a",
      {
        class: `day step-${step}${low}${found.isOpen ? " open" : ""}`,
        href: links.report(day),
        title: nameOfDay(found),
        "aria-label": nameOfDay(found),
        tabindex: day === entry ? "0" : "-1",
      },
      number,
    );
    anchors.set(day, anchor);
    return element("td", {}, anchor);
  };
  const months = monthsOf(year).map((month) => monthTable(month, first, cell, there, links.month));
  const dayOf = (/** @type {EventTarget | null} */ target) =>
    [...anchors].find(([, anchor]) => anchor === target)?.[0] ?? null;
  let current = entry;
  const root = element(
    "div",
    {
      class: "year-months",
      onfocusin: ({ target }) => {
        const day = dayOf(target);
        if (!day) return;
        anchors.get(current)?.setAttribute("tabindex", "-1");
        anchors.get(day)?.setAttribute("tabindex", "0");
        current = day;
      },
      onkeydown: (event) => {
        const { key, target, ctrlKey, altKey, metaKey } = /** @type {KeyboardEvent} */ (event);
        if (ctrlKey || altKey || metaKey) return;
        const from = dayOf(target);
        const to = from && dayByKey(there, from, key);
        if (!to) return;
        event.preventDefault();
        anchors.get(to)?.focus();
      },
    },
    ...months,
  );
  return element("div", { class: "year" }, legend(bounds), root);
}

function monthTable(
  /** @type {string} */ month,
  /** @type {number} */ first,
  /** @type {(day: string | null) => HTMLElement} */ cell,
  /** @type {string[]} */ there,
  /** @type {(month: string) => string} */ href,
) {
  const [short, long] = [weekdayNames(dateLocale(), first, "narrow"), weekdayNames(dateLocale(), first, "long")];
  const name = monthName(month);
  return element(
    "table",
    { class: "year-month" },
    element(
      "caption",
      {},
      there.some((day) => day.startsWith(month)) ? element("a", { href: href(month) }, name) : name,
    ),
    element(
      "thead",
      {},
      element(
        "tr",
        {},
        ...short.map((each, i) =>
          element(
            "th",
            { scope: "col" },
            element("span", { "aria-hidden": "true" }, each),
            element("span", { class: "unseen" }, long[i]),
          ),
        ),
      ),
    ),
    element("tbody", {}, ...weeksOfMonth(month, first).map((week) => element("tr", {}, ...week.map(cell)))),
  );
}

/** What the colours say, with the bounds of each. */
function legend(/** @type {number[]} */ bounds) {
  const number = (/** @type {number} */ value) =>
    new Intl.NumberFormat(locale(), { maximumFractionDigits: 9 }).format(value);
  const steps = bounds.length + 1;
  const words = (/** @type {number} */ step) => {
    if (bounds.length === 0) return t("calendar.one_step");
    if (step === 0) return t("calendar.below", { kwh: number(bounds[0]) });
    if (step === bounds.length) return t("calendar.from", { kwh: number(bounds[step - 1]) });
    return t("calendar.between", { from: number(bounds[step - 1]), to: number(bounds[step]) });
  };
  const sample = (/** @type {string} */ kind) =>
    element("span", { class: `day sample ${kind}`, "aria-hidden": "true" });
  return element(
    "div",
    { class: "legend" },
    element("p", { class: "hint", id: "legend-title" }, t("calendar.legend")),
    element(
      "ul",
      { "aria-labelledby": "legend-title" },
      ...Array.from({ length: steps }, (_, step) =>
        element("li", {}, sample(`step-${colourOf(step, steps)}`), words(step)),
      ),
      element("li", {}, sample("step-3 low"), t("calendar.low")),
      element("li", {}, sample("none"), t("calendar.none")),
    ),
    element("p", { class: "hint keys" }, t("calendar.keys")),
  );
}
