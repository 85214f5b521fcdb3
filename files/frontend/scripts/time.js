/** Days and clock times of a zone: days have 23 or 25 hours at times. Moments are UTC milliseconds, days `YYYY-MM-DD`. */

import { dateLocale } from "./language.js";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;

/** Distances between ticks that people read easily. */
const TICK_STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR),
];
const DAY = 24 * HOUR;
const DAY_STEPS = [1, 2, 7];
const MONTH_STEPS = [1, 2, 3, 6];
const YEAR_STEPS = [1, 2, 5, 10, 20, 50, 100];
/** The first Monday of 1970, in days since its beginning. */
const MONDAY = 4;

/** @type {Map<string, Intl.DateTimeFormat>} Making a formatter costs far more than using it. */
const formatters = new Map();

/** @param {string} zone @param {Intl.DateTimeFormatOptions} options */
function formatter(zone, options) {
  const language = dateLocale();
  const key = language + zone + JSON.stringify(options);
  let found = formatters.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat(language, { timeZone: zone, ...options });
    formatters.set(key, found);
  }
  return found;
}

/** Whether this browser knows the zone. @param {unknown} zone */
export function isZone(zone) {
  if (typeof zone !== "string" || zone === "") return false;
  try {
    formatter(zone, {});
    return true;
  } catch {
    return false;
  }
}

/** @type {Map<string, number>} by zone and quarter of an hour, between which no clock is changed */
const offsets = new Map();
const QUARTER = 15 * MINUTE;
const MOST_OFFSETS = 10_000;

/** How far the zone's clocks are ahead of UTC, in ms. @param {number} at @param {string} zone */
export function offsetAt(at, zone) {
  const quarter = Math.floor(at / QUARTER);
  const key = zone + quarter;
  let found = offsets.get(key);
  if (found === undefined) {
    if (offsets.size >= MOST_OFFSETS) offsets.clear();
    found = askedOffset(quarter * QUARTER, zone);
    offsets.set(key, found);
  }
  return found;
}

/** Making parts of a moment is slow. */
function askedOffset(/** @type {number} */ at, /** @type {string} */ zone) {
  const parts = formatter(zone, {
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
    hourCycle: "h23",
  }).formatToParts(at);
  const part = Object.fromEntries(parts.map(({ type, value }) => [type, Number(value)]));
  const local = Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second);
  return local - Math.floor(at / SECOND) * SECOND;
}

/** Whether the text is a date that the calendar has, as `YYYY-MM-DD`. @param {string | null} text */
export function isDay(text) {
  if (text === null || !/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const at = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
}

/** The day in a zone. @param {number} at @param {string} zone */
export function dayOf(at, zone) {
  return new Date(at + offsetAt(at, zone)).toISOString().slice(0, 10);
}

/** The day that lies `count` days later. @param {string} day @param {number} count */
export function addDays(day, count) {
  return new Date(Date.parse(`${day}T00:00:00Z`) + count * 24 * HOUR).toISOString().slice(0, 10);
}

/** The first moment of a zone's day; where midnight is skipped, that of the first hour there is. */
export function startOfDay(/** @type {string} */ day, /** @type {string} */ zone) {
  const utcMidnight = Date.parse(`${day}T00:00:00Z`);
  const usual = utcMidnight - offsetAt(utcMidnight, zone);
  if (dayOf(usual, zone) === day && dayOf(usual - 1, zone) < day) return usual;
  let before = utcMidnight - 15 * HOUR;
  let within = utcMidnight + 15 * HOUR;
  while (within - before > 1) {
    const middle = Math.floor((before + within) / 2);
    if (dayOf(middle, zone) >= day) within = middle;
    else before = middle;
  }
  return within;
}

/** The zone's midnights of dates that are told as midnights of UTC. @param {Float64Array} dates @param {string} zone */
export function midnights(dates, zone) {
  let offset = Number.NaN;
  return dates.map((date) => {
    // An offset seldom changes, and to look whether it did costs little beside searching for a midnight.
    if (offsetAt(date - (offset || 0), zone) !== offset) {
      const begin = startOfDay(new Date(date).toISOString().slice(0, 10), zone);
      offset = date - begin;
      return begin;
    }
    return date - offset;
  });
}

/** `2027` after `2026`. @param {string} year */
export function nextYear(year) {
  return String(Number(year) + 1).padStart(4, "0");
}

/** `2026-12` after `2026-11`. @param {string} month */
export function nextMonth(month) {
  return month.endsWith("12")
    ? `${nextYear(month.slice(0, 4))}-01`
    : month.slice(0, 5) + two(Number(month.slice(5)) + 1);
}

/** A day's first moment and the next day's. @param {string} day @param {string} zone @returns {[number, number]} */
export function spanOfDay(day, zone) {
  return [startOfDay(day, zone), startOfDay(addDays(day, 1), zone)];
}

/** The days that a span touches, ascending. @param {number} from @param {number} to @param {string} zone */
export function daysTouching(from, to, zone) {
  const last = dayOf(to, zone);
  const days = [];
  for (let day = dayOf(from, zone); day <= last; day = addDays(day, 1)) days.push(day);
  return days;
}

/** @typedef {"seconds" | "minutes" | "days" | "months" | "years"} TickUnit */

/**
 * Moments for the ticks of an axis, at round times of the zone's clocks and calendar, about `most` of them.
 * @param {number} from @param {number} to @param {string} zone @param {number} most
 */
export function ticks(from, to, zone, most) {
  return axisTicks(from, to, zone, most).at;
}

/**
 * `ticks`, and the unit in which they are apart.
 * @param {number} from @param {number} to @param {string} zone @param {number} most
 * @returns {{ at: number[], unit: TickUnit }}
 */
export function axisTicks(from, to, zone, most) {
  const fits = (/** @type {number} */ step) => (to - from) / step <= Math.max(most, 1);
  const step = TICK_STEPS.find(fits);
  if (step) return { at: clockTicks(from, to, zone, step), unit: step < MINUTE ? "seconds" : "minutes" };
  const days = DAY_STEPS.find((n) => fits(n * DAY));
  if (days) {
    const isTick = (/** @type {string} */ day) => (Date.parse(`${day}T00:00:00Z`) / DAY - MONDAY) % days === 0;
    const found = daysTouching(from, to, zone).filter(isTick);
    return { at: beginnings(found, from, to, zone), unit: "days" };
  }
  const [firstYear, firstMonth] = dayOf(from, zone).split("-").map(Number);
  const lastYear = Number(dayOf(to, zone).slice(0, 4));
  const months = MONTH_STEPS.find((n) => fits(n * 30.5 * DAY));
  const found = [];
  if (months) {
    const last = (lastYear + 1) * 12;
    for (let month = firstYear * 12 + firstMonth - 1; month < last; month++) {
      if (month % months === 0) found.push(`${year(Math.floor(month / 12))}-${two((month % 12) + 1)}-01`);
    }
    return { at: beginnings(found, from, to, zone), unit: "months" };
  }
  const years = YEAR_STEPS.find((n) => fits(n * 365 * DAY)) ?? 1000;
  for (let each = firstYear; each <= lastYear; each++) if (each % years === 0) found.push(`${year(each)}-01-01`);
  return { at: beginnings(found, from, to, zone), unit: "years" };
}

/** @param {number} from @param {number} to @param {string} zone @param {number} step at most 12 hours */
function clockTicks(from, to, zone, step) {
  // Zones shift by whole quarters of an hour: of all quarters, those that the local clock shows as multiples of the step.
  const stride = Math.min(step, 15 * MINUTE);
  const found = [];
  for (let at = Math.ceil(from / stride) * stride; at <= to; at += stride) {
    if (step <= stride || (at + offsetAt(at, zone)) % step === 0) found.push(at);
  }
  return found;
}

/** @param {string[]} days @param {number} from @param {number} to @param {string} zone */
function beginnings(days, from, to, zone) {
  return days.map((day) => startOfDay(day, zone)).filter((at) => at >= from && at <= to);
}

const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
const year = (/** @type {number} */ n) => String(n).padStart(4, "0");

/**
 * What stands at ticks: what differs on the first line, what they share below where it begins.
 * @param {number[]} moments @param {TickUnit} unit @param {string} zone
 */
export function tickLabels(moments, unit, zone) {
  const of = (/** @type {Intl.DateTimeFormatOptions} */ options) => formatter(zone, options);
  const above = { seconds: null, minutes: null, days: DAYS_ABOVE, months: MONTHS_ABOVE, years: YEARS_ABOVE }[unit];
  const below = { seconds: null, minutes: null, days: DAYS_BELOW, months: YEARS_ABOVE, years: null }[unit];
  let shared = "";
  return moments.map((at) => {
    const text = above ? of(above).format(at) : clock(at, zone, unit === "seconds");
    const more = above ? below && of(below).format(at) : shortDate(at, zone);
    if (!more || more === shared) return text;
    shared = more;
    return `${text}\n${more}`;
  });
}

const DAYS_ABOVE = /** @type {const} */ ({ weekday: "short", day: "numeric" });
const DAYS_BELOW = /** @type {const} */ ({ month: "short", year: "numeric" });
const MONTHS_ABOVE = /** @type {const} */ ({ month: "short" });
const YEARS_ABOVE = /** @type {const} */ ({ year: "numeric" });

/** `14:03`, or `14:03:10` with seconds. @param {number} at @param {string} zone @param {boolean} seconds */
export function clock(at, zone, seconds = true) {
  return formatter(zone, {
    hour: "2-digit",
    minute: "2-digit",
    ...(seconds ? { second: "2-digit" } : {}),
    hourCycle: "h23",
  }).format(at);
}

/** `24 Nov`. @param {number} at @param {string} zone */
export function shortDate(at, zone) {
  return formatter(zone, { day: "numeric", month: "short" }).format(at);
}

/** `Tue 24 Nov 2026`. @param {number} at @param {string} zone */
export function date(at, zone) {
  return formatter(zone, { weekday: "short", day: "numeric", month: "short", year: "numeric" })
    .format(at)
    .replace(",", "");
}

/** `Tuesday, 24 November 2026`. @param {string} day */
export function longDay(day) {
  const options = /** @type {Intl.DateTimeFormatOptions} */ ({
    weekday: "long",
    day: "numeric",
    month: "long",
    year: "numeric",
  });
  return formatter("UTC", options).format(Date.parse(`${day}T12:00:00Z`));
}

/** Mon to Sun, short. */
export function weekdayNames() {
  // The 5th of January 1970 was a Monday.
  return Array.from({ length: 7 }, (_, i) => formatter("UTC", { weekday: "short" }).format((4 + i) * 24 * HOUR));
}

/** `November 2026` of a month `YYYY-MM`. @param {string} month */
export function monthName(month) {
  return formatter("UTC", { month: "long", year: "numeric" }).format(Date.parse(`${month}-15T12:00:00Z`));
}

/** `UTC`, or the zone's name with its offset then: `America/Sao_Paulo (UTC−03:00)`. */
export function zoneLabel(/** @type {string} */ zone, /** @type {number} */ at) {
  if (zone === "UTC" || zone === "Etc/UTC") return "UTC";
  const minutes = Math.round(offsetAt(at, zone) / MINUTE);
  const sign = minutes < 0 ? "−" : "+";
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `${zone} (UTC${sign}${String(hours).padStart(2, "0")}:${String(rest).padStart(2, "0")})`;
}

/** `2026-11-24T01:50:09Z`, for addresses. @param {number} at */
export function iso(at) {
  return new Date(at).toISOString().replace(/\.000Z$/, "Z");
}

/** A moment in the form of published files, or null if the text is not one. @param {unknown} text */
export function parseMoment(text) {
  if (typeof text !== "string" || !/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$/.test(text)) return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : at;
}
