/** What not to trust in figures: low coverage, BMCs that doubt their own readings, an index that lags behind. */

import * as format from "./format.js";
import { doubtsWithin } from "./happenings.js";
import { has, t } from "./language.js";
import { hasDay } from "./published/fleet.js";
import { clock, dayOf, shortDate, startOfDay } from "./time.js";
import { doubtWords, moment, reasonWords, stateName } from "./words.js";

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
 * What is to be doubted of a span, beside what is of the last reading.
 * @param {Machine} machine @param {import("./happenings.js").Happening[]} events @param {[number, number]} span
 * @returns {Notice | null}
 */
export function spanDoubtNotice({ reading }, events, span) {
  const flags = doubtsWithin(events, span).filter((flag) => !reading.flags.includes(flag));
  if (flags.length === 0) return null;
  return {
    level: "warn",
    title: t("trust.span_doubt"),
    text: t("trust.span_doubt_text", { doubts: flags.map(doubtWords).join("; ") }),
  };
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

/** A machine's state with since when and why: `silent since 11:30: it refuses the login`. @param {Machine} machine @param {string} zone @param {number} now */
export function stateWords({ reading }, zone, now) {
  const { state, reason, since } = reading;
  if (state !== "silent") return stateName(state);
  if (since === null) return t("machine.silent_why", { state: stateName(state), reason: reasonWords(reason) });
  const isToday = dayOf(since, zone) === dayOf(now, zone);
  const when = `${isToday ? "" : `${shortDate(since, zone)}, `}${clock(since, zone, false)}`;
  return t("machine.silent_since", { state: stateName(state), when, reason: reasonWords(reason) });
}

/**
 * That machines do not answer, since when and why.
 * @param {Machine[]} machines @param {string} zone @param {number} now @returns {Notice[]}
 */
export function silenceNotices(machines, zone, now) {
  const silent = machines.filter(({ reading }) => reading.state === "silent");
  if (silent.length <= MOST_ALONE) return silent.map((machine) => silenceNotice(machine, zone, now));
  const names = silent.map(({ title }) => title).join(", ");
  return [
    {
      level: "warn",
      title: t("trust.silent", { n: silent.length }),
      text: t("trust.silent_text", { names }),
    },
  ];
}

/** @param {Machine} machine @param {string} zone @param {number} now @returns {Notice} */
function silenceNotice(machine, zone, now) {
  const { at, watts, detail } = machine.reading;
  const last =
    at === null
      ? t("machine.never_read")
      : t("machine.last_read", { when: moment(at, zone), watts: format.watts(watts) });
  return {
    level: "warn",
    title: t("machine.is", { title: machine.title, state: stateWords(machine, zone, now) }),
    text: [...(detail ? [sentence(detail)] : []), last].join(" "),
  };
}

const sentence = (/** @type {string} */ text) => (/[.!?]$/.test(text) ? text : `${text}.`);
