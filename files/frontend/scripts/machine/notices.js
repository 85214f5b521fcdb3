/** What is to be said of one machine and of the span in view: what to doubt, and what is missing and why. */

import { link } from "../address.js";
import * as format from "../format.js";
import { has, t } from "../language.js";
import { hasDay, neighbours } from "../published/fleet.js";
import { clock, dayOf, iso, shortDate, spanOfDay, startOfDay } from "../time.js";
import { badRowsNotice, fileNotice, moment, reasonWords, stateName } from "../words.js";

/**
 * @typedef {import("../published/fleet.js").Machine} Machine
 * @typedef {import("../words.js").Notice} Notice
 * @typedef {[number, number]} Span
 */

/** Below this part of what has passed, coverage is low. */
export const LOW_COVERAGE = 0.9;
/** After midnight, the index knows the new day a little later. */
const INDEX_LATE_MS = 120_000;

/** A machine's state with since when and why: `silent since 11:30: it refuses the login`. @param {Machine} machine @param {string} zone @param {number} now */
export function stateWords({ reading }, zone, now) {
  const { state, reason, since } = reading;
  if (state !== "silent") return stateName(state);
  if (since === null) return t("machine.silent_why", { state: stateName(state), reason: reasonWords(reason) });
  const isToday = dayOf(since, zone) === dayOf(now, zone);
  const when = `${isToday ? "" : `${shortDate(since, zone)}, `}${clock(since, zone, false)}`;
  return t("machine.silent_since", { state: stateName(state), when, reason: reasonWords(reason) });
}

/** @param {Machine} machine @param {string} zone @param {number} now @returns {Notice | null} */
export function silenceNotice(machine, zone, now) {
  const { state, at, watts, detail } = machine.reading;
  if (state !== "silent") return null;
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

/** What the BMC itself says against its readings. @param {Machine} machine @returns {Notice[]} */
export function doubtNotices({ title, reading }) {
  return reading.flags.map((flag) => {
    const known = has(`machine.flag_${flag}`);
    return {
      level: "warn",
      title: known ? t(`machine.flag_${flag}`, { title }) : t("machine.flag", { title, flag }),
      text: t(known ? `machine.flag_${flag}_text` : "machine.flag_text"),
    };
  });
}

/** The machine answers, but the index does not know of today. @param {Machine} machine @param {number} now @returns {Notice | null} */
export function indexNotice(machine, now) {
  const today = dayOf(now, machine.zone);
  // A machine that is new says so in other words.
  if (!isDayMissing(machine, now) || machine.days.length === 0 || now - startOfDay(today, machine.zone) < INDEX_LATE_MS)
    return null;
  return {
    level: "warn",
    title: t("machine.index_old", { collector: machine.collector }),
    text: t("machine.index_old_text", { day: today }),
  };
}

/** @param {Machine} machine @param {number} now */
export function isDayMissing(machine, now) {
  return machine.reading.state === "fresh" && !hasDay(machine, dayOf(now, machine.zone));
}

/**
 * @param {import("../figures.js").Figures} figures of what has passed of the span @param {Machine} machine
 * @returns {Notice | null}
 */
export function coverageNotice({ coverage, coveredMs, spanMs }, machine) {
  if (coverage >= LOW_COVERAGE || coveredMs === 0) return null;
  return {
    level: "warn",
    title: t("machine.low_coverage", { coverage: format.coverage(coveredMs, spanMs) }),
    text: t("machine.low_coverage_text", { title: machine.title }),
  };
}

/**
 * What went wrong with the files of a span.
 * @param {import("../published/history.js").MachineHistory} history
 * @param {import("./drawing-data.js").Read} read @returns {(Notice | null)[]}
 */
export function fileNotices({ errors }, { samples }) {
  const isOfEvents = (/** @type {{ url: string }} */ { url }) => url.endsWith(".events.json");
  // Without it, hours are drawn.
  const isDays = (/** @type {{ url: string, kind: string }} */ { url, kind }) =>
    kind === "missing" && url.endsWith("/days.csv");
  const events = errors.find(isOfEvents);
  return [
    ...errors.filter((error) => !isOfEvents(error) && !isDays(error)).map(fileNotice),
    samples && badRowsNotice({ ...samples, count: samples.at.length }),
    events && events.kind !== "offline"
      ? { level: "warn", title: t("machine.no_events"), text: t("machine.no_events_text", { file: events.url }) }
      : null,
  ];
}

/**
 * Why there is nothing in a window.
 * @param {Machine} machine @param {Span} window @param {number} now @param {string} zone
 * @param {import("./drawing-data.js").Read} read @param {string} address of the machine @returns {Notice}
 */
export function nothingNotice(machine, window, now, zone, { happened, level }, address) {
  const { title } = machine;
  if (window[0] >= now) return { level: "info", title: t("machine.not_come"), text: t("machine.not_come_text") };
  if (machine.days.length === 0 && machine.months.length === 0) {
    return { level: "info", title: t("machine.no_readings_yet", { title }), text: t("machine.no_readings_yet_text") };
  }
  const outage = happened.events.find(({ kind }) => kind === "outage");
  const [first, last] = [dayOf(window[0], machine.zone), dayOf(Math.max(window[0], window[1] - 1), machine.zone)];
  if (level === "samples" && (hasDay(machine, first) || hasDay(machine, last))) {
    return {
      level: "warn",
      title: t("machine.none_in_span", { title }),
      text: outage
        ? t("machine.none_why", { reason: reasonWords(outage.reason), detail: outage.detail })
        : t("machine.none_unknown", { day: hasDay(machine, first) ? first : last }),
    };
  }
  const { before, after } = neighbours(machine, first);
  const links = [before, after]
    .filter((day) => day !== null)
    .map((day) => {
      const [from, to] = spanOfDay(day, machine.zone);
      return { text: day, href: link("machine.html", { machine: address, from: iso(from), to: iso(to) }) };
    });
  const at = machine.reading.at;
  const text =
    at === null
      ? t("machine.never_read")
      : t("machine.last_read", { when: moment(at, zone), watts: format.watts(machine.reading.watts) });
  return {
    level: "info",
    title: t("machine.none_in_span", { title }),
    text: `${text} ${t("machine.nearest", { n: links.length })}`,
    links,
  };
}

/** @param {import("../energy.js").ClockStep} step @param {string} zone @returns {Notice} */
export function stepNotice({ begin, stepMs }, zone) {
  const values = { duration: format.duration(stepMs), when: moment(begin, zone) };
  return {
    level: "info",
    title: t(stepMs < 0 ? "machine.clock_back" : "machine.clock_forward", values),
    text: t("machine.clock_text"),
  };
}

const sentence = (/** @type {string} */ text) => (/[.!?]$/.test(text) ? text : `${text}.`);
