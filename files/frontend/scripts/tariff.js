/** What a kilowatt-hour costs at a moment: a base rate, and rates of certain hours on certain days. */

import { HOUR, offsetAt } from "./time.js";

const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const MINUTE = HOUR / 60;
const DAY = 24 * HOUR;
const MINUTES_A_DAY = 24 * 60;
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

/** Which rate holds when: rates change at full five minutes, and the zone's offset seldom. */
export class RateClock {
  /** @param {Tariff} tariff */
  constructor({ rates, zone }) {
    this.rates = rates;
    this.zone = zone;
    /** @type {Map<number, number | null>} by UTC day, its offset from UTC, null where that changes within */
    this.offsets = new Map();
  }

  /** A rate's place among the rates; their number for the base rate. @param {number} at */
  at(at) {
    const local = at + this.#offset(at);
    const minute = Math.floor(local / MINUTE) % MINUTES_A_DAY;
    // The first day of 1970 was a Thursday.
    const weekday = (Math.floor(local / DAY) + 4) % 7;
    const found = this.rates.findIndex(({ days, from, to }) => {
      if (from < to) return days.includes(DAYS[weekday]) && from <= minute && minute < to;
      // Over midnight: the day is that on which it begins.
      return (
        (minute >= from && days.includes(DAYS[weekday])) || (minute < to && days.includes(DAYS[(weekday + 6) % 7]))
      );
    });
    return found < 0 ? this.rates.length : found;
  }

  #offset(/** @type {number} */ at) {
    const day = Math.floor(at / DAY);
    let found = this.offsets.get(day);
    if (found === undefined) {
      const [first, last] = [offsetAt(day * DAY, this.zone), offsetAt((day + 1) * DAY, this.zone)];
      found = first === last ? first : null;
      this.offsets.set(day, found);
    }
    return found ?? offsetAt(at, this.zone);
  }
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
