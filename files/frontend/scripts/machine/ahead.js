/** Reading what an address asks for while the page is still being made. */

import { levelFor } from "../levels.js";
import { serverNow } from "../published/fetching.js";
import { MachineHistory } from "../published/history.js";
import { asked, machineOf } from "./asked.js";
import { read } from "./drawing-data.js";
import { Navigation } from "./navigation.js";

/**
 * @typedef {[number, number]} Span
 * @typedef {import("../published/fleet.js").Machine} Machine
 * @typedef {import("./drawing-data.js").Read} Read
 * @typedef {{ history: MachineHistory, window: Span, level: import("../levels.js").Level, found: Read }} Ahead
 */

/** A window that goes with the clock is still the same one. */
const SAME_WITHIN_MS = 2000;

/**
 * @param {import("../published/fleet.js").Fleet} fleet @param {Promise<void>} heard when it is known
 * @returns {Promise<Ahead | null>} null where there is no such machine
 */
export async function readAhead(fleet, heard) {
  await heard;
  const navigation = new Navigation();
  const machine = machineOf(fleet, asked(navigation).wanted);
  if (!machine) return null;
  const history = new MachineHistory(machine);
  const window = navigation.window(serverNow());
  // As wide as the chart can be: it is not there yet.
  const level = levelFor(machine, ...window, innerWidth);
  return { history, window, level, found: await read(history, window, innerWidth) };
}

/** Whether it is what a window of a machine would be drawn from. @param {Ahead} ahead @param {Machine} machine @param {Span} window @param {number} pixels */
export function isFor({ history, window: [from, to], level }, machine, window, pixels) {
  return (
    history.machine.id === machine.id &&
    Math.abs(from - window[0]) < SAME_WITHIN_MS &&
    Math.abs(to - window[1]) < SAME_WITHIN_MS &&
    level === levelFor(machine, ...window, pixels)
  );
}
