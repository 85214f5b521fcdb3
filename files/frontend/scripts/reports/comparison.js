/** What a span differs by from others: in energy, mean and peak. */

import { element } from "../element.js";
import * as format from "../format.js";
import { t } from "../language.js";
import { LOW_COVERAGE } from "../trust.js";
import { coverage, difference, energyWh, meanW } from "./days.js";
import { energyDifference, percentDifference, row, table, wattsDifference } from "./parts.js";

/**
 * @typedef {{ energyMsW: number, coveredMs: number, spanMs: number, high: number | null }} Sum
 * @typedef {{ name: string, href: string | null, one: Sum, other: Sum | null, note?: string | null }} Compared `other` null
 *   where there are no readings; `note` says of what it is more
 */

/**
 * A table of what one span differs by from each of the others.
 * @param {string} name @param {Compared[]} all @param {boolean} isSum of machines: days do not say what those draw together
 */
export function comparison(name, all, isSum = false) {
  return table(
    name,
    [
      t("reports.against"),
      t("figures.energy"),
      ...(isSum ? [] : [t("figures.mean"), t("figures.peak")]),
      t("figures.coverage"),
    ],
    all.map((each) => comparedRow(each, isSum)),
  );
}

function comparedRow(/** @type {Compared} */ { name, href, one, other, note }, /** @type {boolean} */ isSum) {
  const title = element(
    "span",
    {},
    href && other ? element("a", { href }, name) : name,
    note ? element("small", {}, note) : null,
  );
  if (!other || other.coveredMs === 0) {
    const empty = row(title, [t("reports.no_readings")]);
    empty.lastElementChild?.setAttribute("colspan", isSum ? "2" : "4");
    return empty;
  }
  const found = difference(one, other);
  const covered = coverage(other);
  return row(title, [
    pair(
      energyDifference(found.energyWh, energyWh(other)) +
        (found.share === null ? "" : ` (${percentDifference(found.share)})`),
      format.energy(energyWh(other)),
    ),
    ...(isSum
      ? []
      : [
          pair(wattsDifference(found.meanW, 1), format.meanWatts(meanW(other))),
          pair(wattsDifference(found.high, 0), format.watts(other.high)),
        ]),
    element(
      "span",
      covered < LOW_COVERAGE ? { class: "low" } : {},
      format.coverage(other.coveredMs, other.spanMs),
      covered < LOW_COVERAGE ? element("small", {}, t("reports.low")) : null,
    ),
  ]);
}

/** A difference, and below it what the other has. */
function pair(/** @type {string} */ difference, /** @type {string} */ other) {
  return element(
    "span",
    {},
    element("strong", {}, difference),
    element("small", {}, t("reports.from", { what: other })),
  );
}
