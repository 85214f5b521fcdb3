/**
 * What is drawn of samples and of rows: each of them as long as one can see it, else for every pixel the mean, the lowest
 * and the highest. Moments and durations are milliseconds.
 */

import { LONGEST_HOLD } from "../energy.js";
import { HOUR } from "../time.js";

/**
 * @typedef {[number, number]} Span
 * @typedef {ArrayLike<number>} Numbers
 * @typedef {{ at: Numbers, watts: Numbers }} Samples
 * @typedef {import("../published/rows.js").Rows} Rows
 * @typedef {{
 *   at: Float64Array, mean: (number | null)[], low: (number | null)[] | null, high: (number | null)[] | null,
 *   isStep: boolean
 * }} Drawn a value holds from its moment until the next one, null is a hole; `low` and `high` are null where they would
 *   be the mean
 */

/**
 * Samples of a window. Single ones where there is a pixel for each; else pixels of time, each with the mean weighted by
 * the time that samples hold, at most three intervals. A hole as wide as a pixel stays one.
 * @param {Samples} samples @param {(at: number) => number} intervalAt @param {Span} window @param {number} pixels
 * @returns {Drawn}
 */
export function lineOfSamples(samples, intervalAt, window, pixels) {
  const { at, watts } = inOrder(samples);
  const first = Math.max(lastAtOrBefore(at, window[0]), 0);
  const last = Math.min(lastAtOrBefore(at, window[1]) + 1, at.length - 1);
  if (last - first < pixels) return singles(at, watts, first, last, (i) => LONGEST_HOLD * intervalAt(at[i]));
  const buckets = new Buckets(window, pixels);
  const { weight, sum, low, high, width } = buckets;
  // Where the pixel of the last sample ends: most of the next ones lie in it, too.
  let [k, until] = [-1, Number.NEGATIVE_INFINITY];
  for (let i = first; i <= last; i++) {
    const begin = at[i];
    const next = i < last ? at[i + 1] : begin;
    const end = Math.min(next, begin + LONGEST_HOLD * intervalAt(begin));
    const value = watts[i];
    if (end <= until) {
      weight[k] += end - begin;
      sum[k] += (end - begin) * value;
      if (value < low[k]) low[k] = value;
      if (value > high[k]) high[k] = value;
    } else {
      buckets.add(begin, end, value, value, value);
      [k, until] = buckets.pixelOf(end);
    }
    if (next - end >= width) buckets.hole(end);
  }
  return buckets.drawn();
}

/**
 * Rows of a window: each as a step of its width, or several to a pixel.
 * @param {Rows} rows ascending @param {number | Numbers} widthMs of each row, or of all
 * @param {Span} window @param {number} pixels @returns {Drawn}
 */
export function lineOfRows(rows, widthMs, window, pixels) {
  const { at } = rows;
  const endOf = (/** @type {number} */ i) => at[i] + (typeof widthMs === "number" ? widthMs : widthMs[i]);
  // A day of 25 hours is no hole.
  const slack = typeof widthMs === "number" && widthMs >= 24 * HOUR ? HOUR : 0;
  const first = Math.max(lastAtOrBefore(at, window[0]), 0);
  const last = Math.min(lastAtOrBefore(at, window[1]) + 1, at.length - 1);
  if (last - first < pixels) return singleRows(rows, endOf, first, last, slack);
  const buckets = new Buckets(window, pixels);
  for (let i = first; i <= last; i++) {
    const covered = rows.coveredMs[i];
    if (covered > 0) buckets.add(at[i], endOf(i), rows.energyMsW[i] / covered, rows.low[i], rows.high[i], covered);
    if (i < last && at[i + 1] - endOf(i) >= Math.max(buckets.width, slack + 1)) buckets.hole(endOf(i));
  }
  return buckets.drawn();
}

/** @param {Numbers} at @param {Numbers} watts @param {number} first @param {number} last @param {(i: number) => number} hold @returns {Drawn} */
function singles(at, watts, first, last, hold) {
  /** @type {number[]} */
  const xs = [];
  /** @type {(number | null)[]} */
  const mean = [];
  for (let i = first; i <= last; i++) {
    xs.push(at[i]);
    mean.push(watts[i]);
    const end = at[i] + hold(i);
    if (i < last && at[i + 1] > end) {
      xs.push(end);
      mean.push(null);
    }
  }
  return { at: Float64Array.from(xs), mean, low: null, high: null, isStep: true };
}

/** @param {Rows} rows @param {(i: number) => number} endOf @param {number} first @param {number} last @param {number} slack @returns {Drawn} */
function singleRows({ at, energyMsW, coveredMs, low, high }, endOf, first, last, slack) {
  /** @type {number[]} */
  const xs = [];
  /** @type {(number | null)[][]} */
  const [means, lows, highs] = [[], [], []];
  const push = (/** @type {number} */ x, /** @type {(number | null)[]} */ values) => {
    xs.push(x);
    means.push(values[0]);
    lows.push(values[1]);
    highs.push(values[2]);
  };
  for (let i = first; i <= last; i++) {
    push(at[i], coveredMs[i] > 0 ? [energyMsW[i] / coveredMs[i], low[i], high[i]] : [null, null, null]);
    if (i === last || at[i + 1] > endOf(i) + slack) push(endOf(i), [null, null, null]);
  }
  return { at: Float64Array.from(xs), mean: means, low: lows, high: highs, isStep: true };
}

/** Pixels of time on a grid that does not move with the window, so that a window that does shows the same ones. */
class Buckets {
  /** @param {Span} window @param {number} pixels */
  constructor([from, to], pixels) {
    this.width = (to - from) / Math.max(pixels, 1);
    this.begin = Math.floor(from / this.width) * this.width;
    this.size = Math.ceil((to - this.begin) / this.width) + 1;
    this.weight = new Float64Array(this.size);
    this.sum = new Float64Array(this.size);
    this.low = new Float64Array(this.size).fill(Number.POSITIVE_INFINITY);
    this.high = new Float64Array(this.size).fill(Number.NEGATIVE_INFINITY);
    /** @type {number[]} where holes begin */
    this.holes = [];
  }

  /**
   * Count what holds in [begin, end), in all pixels that it touches.
   * @param {number} begin @param {number} end @param {number} mean @param {number} low @param {number} high
   * @param {number} [coveredMs] for how much of it the mean stands
   */
  add(begin, end, mean, low, high, coveredMs = end - begin) {
    const first = Math.max(Math.floor((begin - this.begin) / this.width), 0);
    const from = Math.max(begin, this.begin);
    if (end <= this.begin || first >= this.size) return;
    const share = end > begin ? coveredMs / (end - begin) : 0;
    for (let k = first; k < this.size; k++) {
      const edge = this.begin + (k + 1) * this.width;
      const held = (Math.min(end, edge) - Math.max(from, edge - this.width)) * share;
      if (k > first && held <= 0) break;
      this.weight[k] += held;
      this.sum[k] += held * mean;
      // What holds nothing is still seen; alone in its pixel, it is the mean.
      if (low < this.low[k]) this.low[k] = low;
      if (high > this.high[k]) this.high[k] = high;
      if (end <= edge) break;
    }
  }

  /** The pixel that a moment lies in, and where that ends; none before the first and after the last. @param {number} at @returns {[number, number]} */
  pixelOf(at) {
    const k = Math.floor((at - this.begin) / this.width);
    return k >= 0 && k < this.size ? [k, this.begin + (k + 1) * this.width] : [-1, Number.NEGATIVE_INFINITY];
  }

  /** @param {number} begin */
  hole(begin) {
    if (begin > this.begin) this.holes.push(begin);
  }

  /** @returns {Drawn} */
  drawn() {
    const { width, begin, size } = this;
    /** @type {number[]} */
    const at = [];
    /** @type {(number | null)[][]} */
    const [means, lows, highs] = [[], [], []];
    let hole = 0;
    for (let k = 0; k < size; k++) {
      const from = begin + k * width;
      if (this.high[k] > Number.NEGATIVE_INFINITY) {
        at.push(from);
        means.push(this.weight[k] > 0 ? this.sum[k] / this.weight[k] : this.high[k]);
        lows.push(this.low[k]);
        highs.push(this.high[k]);
      }
      for (; hole < this.holes.length && this.holes[hole] < from + width; hole++) {
        at.push(Math.max(this.holes[hole], from));
        for (const values of [means, lows, highs]) values.push(null);
      }
    }
    return { at: Float64Array.from(at), mean: means, low: lows, high: highs, isStep: false };
  }
}

/** Samples by time: after a step back of the clock they are drawn by their times, and none is dropped. @param {Samples} samples */
function inOrder({ at, watts }) {
  for (let i = 1; i < at.length; i++) {
    if (at[i] >= at[i - 1]) continue;
    const order = Array.from(at, (_, k) => k).sort((a, b) => at[a] - at[b] || a - b);
    return { at: order.map((k) => at[k]), watts: order.map((k) => watts[k]) };
  }
  return { at, watts };
}

/** Index of the last of ascending numbers that is not above a value, or -1. @param {Numbers} xs @param {number} x */
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
