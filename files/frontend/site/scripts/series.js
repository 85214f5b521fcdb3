/** What is drawn: samples in the order of their times, with holes as holes, and the outages behind them. */

import { holds, LONGEST_HOLD } from "./energy.js";

/**
 * @typedef {import("./energy.js").Samples} Samples
 * @typedef {import("./published/fleet.js").Happening} Happening
 * @typedef {{
 *   samples: Samples, hold: Float64Array, drawn: [number[], (number | null)[]], outages: Happening[], steps: Happening[],
 *   holdAt: (at: number) => number
 * }} Series
 */

/**
 * @param {Samples} samples @param {number} intervalMs at the beginning @param {Happening[]} events
 * @returns {Series}
 */
export function seriesOf(samples, intervalMs, events) {
  const changes = events.filter(({ kind, value }) => kind === "interval" && value !== null && value > 0);
  const intervalAt = (/** @type {number} */ at) => {
    let found = intervalMs;
    for (const { begin, value } of changes) if (begin <= at) found = /** @type {number} */ (value);
    return found;
  };
  const steps = events.filter(({ kind, value }) => kind === "clock_step" && value !== null);
  const holdAt = (/** @type {number} */ at) => LONGEST_HOLD * intervalAt(at);
  return {
    samples,
    hold: holds(
      samples,
      intervalAt,
      steps.map(({ begin, end, value }) => ({ begin, end: end ?? begin, stepMs: Number(value) })),
    ),
    drawn: drawable(samples, holdAt),
    outages: events.filter(({ kind }) => kind === "outage"),
    steps,
    holdAt,
  };
}

/** Samples by time, with an empty point where a sample has held for as long as it may. */
function drawable(/** @type {Samples} */ { at, watts }, /** @type {(at: number) => number} */ holdAt) {
  const order = inOrder(at) ? null : at.map((_, i) => i).sort((a, b) => at[a] - at[b] || a - b);
  /** @type {number[]} */
  const xs = [];
  /** @type {(number | null)[]} */
  const ys = [];
  for (let n = 0; n < at.length; n++) {
    const i = order ? order[n] : n;
    const before = xs[xs.length - 1];
    if (n > 0 && at[i] - before > holdAt(before)) {
      xs.push(before + holdAt(before));
      ys.push(null);
    }
    xs.push(at[i]);
    ys.push(watts[i]);
  }
  return /** @type {[number[], (number | null)[]]} */ ([xs, ys]);
}

function inOrder(/** @type {number[]} */ at) {
  for (let i = 1; i < at.length; i++) if (at[i] < at[i - 1]) return false;
  return true;
}

/** The drawn point that holds at a moment, or null in a hole. @param {Series} series @param {number} at */
export function holding({ drawn: [xs, ys], holdAt }, at) {
  const i = lastAtOrBefore(xs, at);
  const watts = i < 0 ? null : ys[i];
  return watts === null || at - xs[i] > holdAt(xs[i]) ? null : { at: xs[i], watts };
}

/** The lowest and highest drawn value in a span, or null where there is none. */
export function extent(
  /** @type {Series} */ { drawn: [xs, ys] },
  /** @type {number} */ from,
  /** @type {number} */ to,
) {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = lastAtOrBefore(xs, from) + 1; i < xs.length && xs[i] <= to; i++) {
    const watts = ys[i];
    if (watts === null) continue;
    low = Math.min(low, watts);
    high = Math.max(high, watts);
  }
  return high >= low ? { low, high } : null;
}

/** The outage that a moment lies in. @param {Series} series @param {number} at */
export function outageAt({ outages }, at) {
  return outages.find(({ begin, end }) => begin <= at && (end === null || at < end)) ?? null;
}

/** Index of the last of ascending numbers that is not above a value, or -1. @param {number[]} xs @param {number} x */
export function lastAtOrBefore(xs, x) {
  let low = 0;
  let high = xs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (xs[middle] <= x) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
