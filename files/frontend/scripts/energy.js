/**
 * Energy and statistics of samples: a sample holds until the next one, at most three intervals; the rest of a hole is
 * uncovered. Computed from samples, never from drawn points. Moments and durations are milliseconds.
 */

export const LONGEST_HOLD = 3;
const MS_PER_HOUR = 3_600_000;

/**
 * @typedef {{ at: ArrayLike<number>, watts: ArrayLike<number> }} Samples in the order in which they were taken
 * @typedef {{ begin: number, end: number, stepMs: number }} ClockStep
 * @typedef {(at: number) => number} IntervalAt the nominal distance of samples, in ms
 * @typedef {{
 *   count: number, coveredMs: number, spanMs: number, coverage: number, energyWh: number, meanW: number | null,
 *   peak: { at: number, watts: number } | null, minimum: { at: number, watts: number } | null
 * }} Statistics
 */

/**
 * How long each sample holds, in ms of elapsed time: steps of the clock are taken out. The last one has no successor and
 * holds nothing, as does one after which the clock went back without an event that says how far.
 * @param {Samples} samples @param {IntervalAt} intervalAt @param {ClockStep[]} [steps]
 */
export function holds({ at }, intervalAt, steps = []) {
  const elapsed = new Float64Array(at.length);
  for (let i = 0; i + 1 < at.length; i++) elapsed[i] = at[i + 1] - at[i];
  for (const step of steps) correct(elapsed, at, step);
  for (let i = 0; i < elapsed.length; i++) {
    elapsed[i] = Math.min(Math.max(elapsed[i], 0), LONGEST_HOLD * intervalAt(at[i]));
  }
  return elapsed;
}

/** How long the i-th sample holds where the clock makes no steps. @param {ArrayLike<number>} at @param {number} i @param {number} intervalMs */
export function heldAt(at, i, intervalMs) {
  return i + 1 < at.length ? Math.min(Math.max(at[i + 1] - at[i], 0), LONGEST_HOLD * intervalMs) : 0;
}

/** Take a clock step out of the one pair of samples that it lies between. */
function correct(
  /** @type {Float64Array} */ elapsed,
  /** @type {ArrayLike<number>} */ at,
  /** @type {ClockStep} */ step,
) {
  let found = -1;
  let shortest = Number.POSITIVE_INFINITY;
  for (let i = 0; i + 1 < at.length; i++) {
    if (at[i] > step.begin || at[i + 1] < step.end) continue;
    // After a long step back, several pairs straddle both clock readings: the true one is the shortest without the step.
    const without = elapsed[i] - step.stepMs;
    if (without >= 0 && without < shortest) {
      shortest = without;
      found = i;
    }
  }
  if (found >= 0) elapsed[found] = shortest;
}

/**
 * Statistics of the part of the samples that lies in a span. A sample from before the span counts for as long as it
 * holds into it; minimum and peak are those of the samples that hold or lie in the span.
 * @param {Samples} samples @param {Float64Array} hold from `holds` @param {number} from @param {number} to
 * @returns {Statistics}
 */
export function statistics({ at, watts }, hold, from, to) {
  let count = 0;
  let coveredMs = 0;
  let wattMs = 0;
  let high = -1;
  let low = -1;
  for (let i = 0; i < at.length; i++) {
    const begin = Math.max(at[i], from);
    const held = Math.min(at[i] + hold[i], to) - begin;
    const inside = at[i] >= from && at[i] < to;
    if (inside) count++;
    if (!inside && held <= 0) continue;
    if (held > 0) {
      coveredMs += held;
      wattMs += watts[i] * held;
    }
    if (high < 0 || watts[i] > watts[high]) high = i;
    if (low < 0 || watts[i] < watts[low]) low = i;
  }
  const point = (/** @type {number} */ i) => (i < 0 ? null : { at: Math.max(at[i], from), watts: watts[i] });
  return {
    count,
    coveredMs,
    spanMs: to - from,
    coverage: to > from ? Math.min(coveredMs / (to - from), 1) : 0,
    energyWh: wattMs / MS_PER_HOUR,
    meanW: coveredMs > 0 ? wattMs / coveredMs : null,
    peak: point(high),
    minimum: point(low),
  };
}

/**
 * A span in equal parts, each with its statistics: the rows of the table beside a chart.
 * @param {Samples} samples @param {Float64Array} hold @param {number[]} edges ascending moments
 */
export function parts(samples, hold, edges) {
  return edges.slice(1).map((to, i) => ({ from: edges[i], to, ...statistics(samples, hold, edges[i], to) }));
}
