/** A calendar's months: weeks as the locale begins them, and where the arrow keys lead. */

import { addDays } from "../time.js";

/** The weekday that weeks begin with: 1 for Monday to 7 for Sunday. @param {string} locale */
export function firstWeekday(locale) {
  const found = /** @type {any} */ (new Intl.Locale(locale));
  return Number(found.getWeekInfo?.().firstDay ?? found.weekInfo?.firstDay ?? 1);
}

/**
 * The weeks of a month `2026-11`, each of seven days; null where the day is another month's.
 * @param {string} month @param {number} first the weekday that weeks begin with @returns {(string | null)[][]}
 */
export function weeksOfMonth(month, first) {
  const begin = `${month}-01`;
  const lead = (weekday(begin) - first + 7) % 7;
  const weeks = [];
  for (let day = addDays(begin, -lead); day.slice(0, 7) <= month; day = addDays(day, 7)) {
    weeks.push(
      Array.from({ length: 7 }, (_, i) => addDays(day, i)).map((each) => (each.startsWith(month) ? each : null)),
    );
  }
  return weeks;
}

/** 1 for Monday to 7 for Sunday. @param {string} day */
export function weekday(day) {
  return new Date(`${day}T00:00:00Z`).getUTCDay() || 7;
}

/** The names of the weekdays in the order of a week. */
export function weekdayNames(
  /** @type {string} */ locale,
  /** @type {number} */ first,
  /** @type {"narrow" | "short" | "long"} */ length,
) {
  const names = new Intl.DateTimeFormat(locale, { weekday: length, timeZone: "UTC" });
  // The first of January 2024 was a Monday.
  return Array.from({ length: 7 }, (_, i) => names.format(Date.UTC(2024, 0, first + i)));
}

/** The months of a year. @param {string} year */
export function monthsOf(year) {
  return Array.from({ length: 12 }, (_, i) => `${year}-${String(i + 1).padStart(2, "0")}`);
}

/** The month some months later. @param {string} month @param {number} count */
export function addMonths(month, count) {
  const at = new Date(`${month}-01T00:00:00Z`);
  at.setUTCMonth(at.getUTCMonth() + count);
  return at.toISOString().slice(0, 7);
}

const STEPS = /** @type {Record<string, number>} */ ({
  ArrowLeft: -1,
  ArrowRight: 1,
  ArrowUp: -7,
  ArrowDown: 7,
});

/**
 * Where a key leads from a day: arrows by a day or a week, over days that are not there; Home and End to the first and
 * last; Page up and Page down by a month, to the day there is next to that. Null where it leads nowhere.
 * @param {string[]} days ascending, those there are @param {string} from @param {string} key
 */
export function dayByKey(days, from, key) {
  const [first, last] = [days[0], days[days.length - 1]];
  if (key === "Home") return first ?? null;
  if (key === "End") return last ?? null;
  if (key === "PageUp" || key === "PageDown") {
    const month = addMonths(from.slice(0, 7), key === "PageUp" ? -1 : 1);
    const wanted = `${month}-${from.slice(8)}`;
    return (
      days.findLast((day) => day <= wanted && day.startsWith(month)) ??
      days.find((day) => day.startsWith(month)) ??
      null
    );
  }
  const step = STEPS[key];
  if (!step) return null;
  const there = new Set(days);
  for (let day = addDays(from, step); day >= first && day <= last; day = addDays(day, step)) {
    if (there.has(day)) return day;
  }
  return null;
}
