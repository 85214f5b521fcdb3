/** What a kilowatt-hour costs at a moment: a base rate, and rates of certain hours on certain days. */

import { clock, dayOf } from "./time.js";

const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const TIME = /^([01]\d|2[0-3]):([0-5]\d)$/;

/**
 * @typedef {{ name: string, days: string[], from: number, to: number, perKwh: number }} Rate
 *   `from` and `to` in minutes of the local day; `to` at or before `from` is on the next day
 * @typedef {{ currency: string | null, perKwh: number, rates: Rate[], zone: string }} Tariff
 */

/** The tariff of an index, null if it has none. @param {any} found @param {string} zone @returns {Tariff | null} */
export function tariffOf(found, zone) {
  if (!(found?.per_kwh >= 0)) return null;
  const rates = Array.isArray(found.rates) ? found.rates : [];
  return {
    currency: /^[A-Z]{3}$/.test(found.currency) ? found.currency : null,
    perKwh: Number(found.per_kwh),
    zone,
    rates: rates
      .filter((/** @type {any} */ each) => TIME.test(each?.from) && TIME.test(each?.to) && each.per_kwh >= 0)
      .map((/** @type {any} */ each) => ({
        name: typeof each.name === "string" ? each.name : "",
        days: Array.isArray(each.days) ? each.days.filter((/** @type {any} */ day) => DAYS.includes(day)) : DAYS,
        from: minutes(each.from),
        to: minutes(each.to),
        perKwh: Number(each.per_kwh),
      })),
  };
}

/** Which rate holds at a moment: its place among the rates, their number for the base rate. @param {Tariff} tariff @param {number} at */
export function rateAt({ rates, zone }, at) {
  if (rates.length === 0) return 0;
  const minute = minutes(clock(at, zone, false));
  const weekday = new Date(`${dayOf(at, zone)}T00:00:00Z`).getUTCDay();
  const found = rates.findIndex(({ days, from, to }) => {
    if (from < to) return days.includes(DAYS[weekday]) && from <= minute && minute < to;
    // Over midnight: the day is that on which it begins.
    return (minute >= from && days.includes(DAYS[weekday])) || (minute < to && days.includes(DAYS[(weekday + 6) % 7]));
  });
  return found < 0 ? rates.length : found;
}

/**
 * The cost of energy at its rates, in the tariff's currency.
 * @param {Tariff} tariff @param {number[]} energyMsW ms·W by rate, the base rate last
 */
export function costOf({ rates, perKwh }, energyMsW) {
  return [...rates.map((rate) => rate.perKwh), perKwh].reduce(
    (sum, each, i) => sum + (energyMsW[i] / 3_600_000_000) * each,
    0,
  );
}

const minutes = (/** @type {string} */ text) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
