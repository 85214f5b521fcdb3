/** A day by its hours, and how long the power was above a threshold. */

import { HOUR, offsetAt } from "../time.js";

const QUARTER = HOUR / 4;

/**
 * The edges of the hours that the clocks of a zone show in a day: 24, 25 or 26 moments. Where the clocks change by half
 * an hour, an hour begins at the change too.
 * @param {number} from the day's first moment @param {number} to the next day's @param {string} zone
 */
export function hoursOfDay(from, to, zone) {
  const edges = [from];
  let before = offsetAt(from, zone);
  for (let at = Math.ceil((from + 1) / QUARTER) * QUARTER; at < to; at += QUARTER) {
    const offset = offsetAt(at, zone);
    if ((at + offset) % HOUR === 0 || offset !== before) edges.push(at);
    before = offset;
  }
  return [...edges, to];
}

/**
 * For how long in a span samples above a threshold held, in ms; what equals it is not above.
 * @param {{ at: ArrayLike<number>, watts: ArrayLike<number> }} samples in the order taken
 * @param {ArrayLike<number>} hold how long each holds, in ms @param {number} from @param {number} to @param {number} watts
 */
export function timeAbove(samples, hold, from, to, watts) {
  let ms = 0;
  for (let i = 0; i < samples.at.length; i++) {
    if (samples.watts[i] <= watts) continue;
    ms += Math.max(Math.min(samples.at[i] + hold[i], to) - Math.max(samples.at[i], from), 0);
  }
  return ms;
}

/**
 * The same of rows, by their means: what went above within a row that was not above on the whole is not seen.
 * @param {import("../published/rows.js").Rows} rows @param {number} from @param {number} to @param {number} watts
 */
export function timeAboveOfRows({ at, energyMsW, coveredMs }, from, to, watts) {
  let ms = 0;
  for (let i = 0; i < at.length; i++) {
    if (at[i] >= from && at[i] < to && coveredMs[i] > 0 && energyMsW[i] / coveredMs[i] > watts) ms += coveredMs[i];
  }
  return ms;
}

/**
 * @typedef {{
 *   from: number, to: number, energyMsW: number, coveredMs: number, spanMs: number, low: number | null, high: number | null
 * }} Part
 */

/**
 * Rows summed between edges; a row belongs to where it begins.
 * @param {import("../published/rows.js").Rows} rows ascending @param {number[]} edges ascending @returns {Part[]}
 */
export function partsOfRows({ at, energyMsW, coveredMs, low, high }, edges) {
  let i = 0;
  return edges.slice(1).map((to, n) => {
    const from = edges[n];
    /** @type {Part} */
    const part = { from, to, energyMsW: 0, coveredMs: 0, spanMs: to - from, low: null, high: null };
    while (i < at.length && at[i] < from) i++;
    for (; i < at.length && at[i] < to; i++) {
      part.energyMsW += energyMsW[i];
      part.coveredMs += coveredMs[i];
      part.low = part.low === null ? low[i] : Math.min(part.low, low[i]);
      part.high = part.high === null ? high[i] : Math.max(part.high, high[i]);
    }
    return part;
  });
}
