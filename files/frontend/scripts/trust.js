/** What not to trust in figures: low coverage, BMCs that doubt their own readings, an index that lags behind. */

import * as format from "./format.js";
import { has, t } from "./language.js";
import { hasDay } from "./published/fleet.js";
import { dayOf, startOfDay } from "./time.js";

/**
 * @typedef {import("./published/fleet.js").Machine} Machine
 * @typedef {import("./words.js").Notice} Notice
 */

/** Below this part of what has passed, coverage is low: it is marked, and is no measure for others. */
export const LOW_COVERAGE = 0.9;
/** After midnight, the index knows the new day a little later. */
const INDEX_LATE_MS = 120_000;
/** Of more machines than this, one sentence. */
const MOST_ALONE = 2;

/**
 * @param {{ coveredMs: number, spanMs: number }} of what has passed of a span @param {string} text whose readings those are, and
 *   what that means @returns {Notice | null}
 */
export function coverageNotice({ coveredMs, spanMs }, text) {
  if (coveredMs >= LOW_COVERAGE * spanMs || coveredMs === 0) return null;
  return { level: "warn", title: t("trust.low_coverage", { coverage: format.coverage(coveredMs, spanMs) }), text };
}

/** What BMCs themselves say against their readings. @param {Machine[]} machines @returns {Notice[]} */
export function doubtNotices(machines) {
  const doubtful = machines.filter(({ reading }) => reading.flags.length > 0);
  if (doubtful.length > MOST_ALONE) {
    const names = doubtful.map(({ title }) => title).join(", ");
    return [
      {
        level: "warn",
        title: t("trust.doubtful", { n: doubtful.length }),
        text: t("trust.doubtful_text", { names }),
      },
    ];
  }
  return doubtful.flatMap(({ title, reading }) =>
    reading.flags.map((flag) => {
      const known = has(`trust.flag_${flag}`);
      return /** @type {Notice} */ ({
        level: "warn",
        title: known ? t(`trust.flag_${flag}`, { title }) : t("trust.flag", { title, flag }),
        text: t(known ? `trust.flag_${flag}_text` : "trust.flag_text"),
      });
    }),
  );
}

/**
 * Machines answer whose collector's index does not know of today.
 * @param {Machine[]} machines @param {number} now @param {boolean} isLive whether the view goes on asking by itself
 * @returns {Notice[]} one for each collector
 */
export function indexNotices(machines, now, isLive) {
  const late = machines.filter(
    (machine) =>
      // A machine that is new says so in other words.
      isDayMissing(machine, now) &&
      machine.days.length > 0 &&
      now - startOfDay(dayOf(now, machine.zone), machine.zone) >= INDEX_LATE_MS,
  );
  return [...new Map(late.map((machine) => [machine.collector, machine])).values()].map(({ collector, zone }) => ({
    level: "warn",
    title: t("trust.index_old", { collector }),
    text: [
      t("trust.index_old_text", { day: dayOf(now, zone) }),
      t(isLive ? "notices.trying" : "notices.try_again"),
      t("trust.index_old_do"),
    ].join(" "),
  }));
}

/** Whether a machine answers on a day that the index does not list. @param {Machine} machine @param {number} now */
export function isDayMissing(machine, now) {
  return machine.reading.state === "fresh" && !hasDay(machine, dayOf(now, machine.zone));
}
