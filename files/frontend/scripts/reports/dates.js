/** Days and months as reports write them, and the same dates of other months and years. */

import { dateLocale } from "../language.js";
import { addDays } from "../time.js";
import { addMonths } from "./month-grid.js";

/** @type {Map<string, Intl.DateTimeFormat>} Making a formatter costs far more than using it. */
const formatters = new Map();

function written(/** @type {string} */ day, /** @type {Intl.DateTimeFormatOptions} */ options) {
  const key = dateLocale() + JSON.stringify(options);
  let found = formatters.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat(dateLocale(), { timeZone: "UTC", ...options });
    formatters.set(key, found);
  }
  return found.format(Date.parse(`${day}T12:00:00Z`));
}

/** `24 Nov`. @param {string} day */
export function shortDay(day) {
  return written(day, { day: "numeric", month: "short" });
}

/** `Tue, 24 Nov`. @param {string} day */
export function weekdayAndDay(day) {
  return written(day, { weekday: "short", day: "numeric", month: "short" });
}

/** `November` of a month `2026-11`. @param {string} month */
export function monthOnly(month) {
  return written(`${month}-15`, { month: "long" });
}

/** `Nov` of a month `2026-11`. @param {string} month */
export function shortMonth(month) {
  return written(`${month}-15`, { month: "short" });
}

/** The year before or after, four digits. @param {string} year @param {number} count */
export function addYears(year, count) {
  return String(Number(year) + count).padStart(4, "0");
}

/** The same date a year before; of the 29th of February, the 1st of March. @param {string} day */
export function yearBefore(day) {
  return addDays(`${addMonths(day.slice(0, 7), -12)}-01`, Number(day.slice(8)) - 1);
}

/** The date of the month before that is as far in it, at most the first of this one. @param {string} day */
export function monthBefore(day) {
  const month = day.slice(0, 7);
  const found = addDays(`${addMonths(month, -1)}-01`, Number(day.slice(8)) - 1);
  return found > `${month}-01` ? `${month}-01` : found;
}
