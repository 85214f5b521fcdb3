/** Days as figures, their sums over months, years and machines, and what differs between two of them. */

import { addDays, HOUR, offsetAt, spanOfDay } from "../time.js";

const FULL_DAY = 24 * HOUR;

/**
 * @typedef {{
 *   day: string, energyMsW: number, coveredMs: number, spanMs: number, low: number | null, high: number | null,
 *   samples: number, isOpen: boolean
 * }} Day `spanMs` is the part of the day that has passed; `isOpen` while it is not all of it
 * @typedef {Omit<Day, "day" | "isOpen"> & { days: number, highDay: string | null, first: string | null }} Total of `days` days;
 *   `highDay` is that of `high`, `first` the first with readings
 */

/** @type {Map<string, number>} by zone and day */
const lengths = new Map();

/** How long a day of a zone is: 23 to 25 hours, mostly. @param {string} day @param {string} zone @returns {number} ms */
export function lengthOfDay(day, zone) {
  const key = zone + day;
  let found = lengths.get(key);
  if (found === undefined) {
    // Where the clocks do not change between the noons around it, the day is whole; asking on is costly.
    const noon = Date.parse(`${day}T12:00:00Z`);
    const [before, after] = [noon - FULL_DAY, noon + FULL_DAY].map((at) => offsetAt(at, zone));
    if (before === after) found = FULL_DAY;
    else {
      const [from, to] = spanOfDay(day, zone);
      found = to - from;
    }
    lengths.set(key, found);
  }
  return found;
}

/** The covered part. @param {{ coveredMs: number, spanMs: number }} of */
export function coverage({ coveredMs, spanMs }) {
  return spanMs > 0 ? Math.min(coveredMs / spanMs, 1) : 0;
}

/** The mean power, null where nothing is covered. @param {{ energyMsW: number, coveredMs: number }} of */
export function meanW({ energyMsW, coveredMs }) {
  return coveredMs > 0 ? energyMsW / coveredMs : null;
}

/** @param {{ energyMsW: number }} of @returns {number} */
export function energyWh({ energyMsW }) {
  return energyMsW / 3_600_000;
}

/**
 * The sum of some days. The span is that of all days from `from` up to the one before `to` that have passed, whether they
 * have readings or not.
 * @param {Iterable<Day>} days @param {number} spanMs @returns {Total}
 */
export function totalOf(days, spanMs) {
  /** @type {Total} */
  const total = {
    days: 0,
    energyMsW: 0,
    coveredMs: 0,
    spanMs,
    low: null,
    high: null,
    highDay: null,
    first: null,
    samples: 0,
  };
  for (const each of days) {
    total.days++;
    total.energyMsW += each.energyMsW;
    total.coveredMs += each.coveredMs;
    total.samples += each.samples;
    total.first ??= each.day;
    if (each.low !== null) total.low = total.low === null ? each.low : Math.min(total.low, each.low);
    if (each.high !== null && (total.high === null || each.high > total.high)) {
      total.high = each.high;
      total.highDay = each.day;
    }
  }
  return total;
}

/** The days of a span of dates, ascending. @param {Map<string, Day>} days @param {string} from @param {string} to not included */
export function daysBetween(days, from, to) {
  const found = [];
  for (let day = from; day < to; day = addDays(day, 1)) {
    const each = days.get(day);
    if (each) found.push(each);
  }
  return found;
}

/**
 * Machines together: a day's energy is the sum, its span that of every machine that had readings by then. What is the
 * least or greatest of a sum, its parts do not say.
 * @param {Map<string, Day>[]} machines each with its days @returns {Map<string, Day>}
 */
export function together(machines) {
  /** @type {Map<string, Day>} */
  const sums = new Map();
  const begins = machines.map((days) => [...days.keys()].reduce((a, b) => (a < b ? a : b), "9999-12-31"));
  for (const days of machines) {
    for (const each of days.values()) {
      const sum = sums.get(each.day);
      if (sum) {
        sum.energyMsW += each.energyMsW;
        sum.coveredMs += each.coveredMs;
        sum.samples += each.samples;
        sum.isOpen ||= each.isOpen;
      } else {
        sums.set(each.day, { ...each, low: null, high: null });
      }
    }
  }
  for (const sum of sums.values()) sum.spanMs *= begins.filter((begin) => begin <= sum.day).length;
  return sums;
}

/**
 * @typedef {{ share: number | null, energyWh: number, meanW: number | null, high: number | null }} Difference
 *   of the first less the other; `share` is that of the energy, of 1
 */

/**
 * What a span differs by from another one of (about) the same length.
 * @param {{ energyMsW: number, coveredMs: number, high: number | null }} one
 * @param {{ energyMsW: number, coveredMs: number, high: number | null }} other @returns {Difference}
 */
export function difference(one, other) {
  const [mean, otherMean] = [meanW(one), meanW(other)];
  return {
    share: other.energyMsW > 0 ? (one.energyMsW - other.energyMsW) / other.energyMsW : null,
    energyWh: (one.energyMsW - other.energyMsW) / 3_600_000,
    meanW: mean === null || otherMean === null ? null : mean - otherMean,
    high: one.high === null || other.high === null ? null : one.high - other.high,
  };
}
