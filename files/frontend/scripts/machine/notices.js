/** What is to be said of one machine and of the span in view: what to doubt, and what is missing and why. */

import { link } from "../address.js";
import * as format from "../format.js";
import { t } from "../language.js";
import { hasDay, neighbours } from "../published/fleet.js";
import { dayOf, iso, spanOfDay } from "../time.js";
import { badRowsNotice, fileNotice, moment, reasonWords } from "../words.js";

/**
 * @typedef {import("../published/fleet.js").Machine} Machine
 * @typedef {import("../words.js").Notice} Notice
 * @typedef {[number, number]} Span
 */

/**
 * What went wrong with the files of a span.
 * @param {import("../published/history.js").MachineHistory} history @param {Span} window @returns {(Notice | null)[]}
 */
export function fileNotices(history, window) {
  const { errors } = history;
  const isOfEvents = (/** @type {{ url: string }} */ { url }) => url.endsWith(".events.json");
  // Without it, hours are drawn.
  const isDays = (/** @type {{ url: string, kind: string }} */ { url, kind }) =>
    kind === "missing" && url.endsWith("/days.csv");
  const events = errors.find(isOfEvents);
  return [
    ...errors.filter((error) => !isOfEvents(error) && !isDays(error)).map(fileNotice),
    ...history.damaged(window).map(badRowsNotice),
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
