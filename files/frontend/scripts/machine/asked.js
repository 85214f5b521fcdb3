/** What an address asks the view of one machine for. */

import { parameter } from "../address.js";
import { parseMoment } from "../time.js";
import { PRESETS, parseSpan, USUAL_PRESET, whole } from "./navigation.js";

/**
 * @typedef {[number, number]} Span
 * @typedef {import("./navigation.js").Navigation} Navigation
 * @typedef {import("../published/fleet.js").Fleet} Fleet
 */

export const LONGEST_LABEL = 60;

/**
 * The machine, and what is selected under which name; the navigation goes to the span.
 * @param {Navigation} navigation @returns {{ wanted: string | null, selection: Span | null, label: string }}
 */
export function asked(navigation) {
  const selection = parseSpan(parameter("sel"));
  const [from, to] = [parseMoment(parameter("from")), parseMoment(parameter("to"))];
  const preset = parameter("span");
  if (from !== null && to !== null && from < to) navigation.go([from, to]);
  else if (preset !== null && Object.hasOwn(PRESETS, preset)) navigation.choose(preset);
  else if (selection) navigation.go(around(selection));
  else navigation.choose(USUAL_PRESET);
  return {
    wanted: parameter("machine"),
    selection,
    label: (selection && parameter("label")?.slice(0, LONGEST_LABEL)) ?? "",
  };
}

/** The machine that is wanted; without a word, one that answers. @param {Fleet} fleet @param {string | null} wanted */
export function machineOf(fleet, wanted) {
  if (wanted !== null) return fleet.find(wanted);
  const { machines } = fleet;
  return machines.find(({ reading }) => reading.state === "fresh") ?? machines[0] ?? null;
}

/** A window in which a selection has room. @param {Span} span @returns {Span} */
function around([from, to]) {
  return whole([from - (to - from) / 2, to + (to - from) / 2]);
}
