/** A machine's state in words: since when it is so, why, and what to doubt. */

import { t } from "../language.js";
import { clock, date, shortDate } from "../time.js";
import { doubtWords, reasonWords, stateName } from "../words.js";
import { shownZone } from "../zone.js";

/** `silent since 11:30`; `answering, in doubt`. @param {import("./entries.js").Entry} entry @param {number} now */
export function stateWords({ state, machine, doubts }, now) {
  const { since } = machine.reading;
  if (state !== "silent" || since === null) {
    return doubts.length > 0 ? `${stateName(state)}, ${t("overview.state_doubtful")}` : stateName(state);
  }
  const zone = shownZone(machine.zone);
  const isToday = date(since, zone) === date(now, zone);
  const when = `${isToday ? "" : `${shortDate(since, zone)}, `}${clock(since, zone, false)}`;
  return t("overview.silent_since", { when });
}

/** Why it is so and what to doubt, empty where there is nothing to say. @param {import("./entries.js").Entry} entry */
export function whyWords({ state, doubts, machine }) {
  const why =
    state === "silent" || (state === "waiting" && machine.reading.reason) ? [reasonWords(machine.reading.reason)] : [];
  return [...why, ...doubts.map(doubtWords)].join("; ");
}
