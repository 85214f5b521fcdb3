/** The rollup rows of a published month (five minutes), year (hours) or `days.csv` (days of the zone). */

import { Column, LineReader } from "./lines.js";

const COLUMNS = "mean_w,min_w,max_w,energy_wh,covered_s,samples";
// Energy is written in Wh with nine decimals; a ms·W is 1/3,600,000 Wh.
const MS_WATTS_PER_UNIT = 0.0036;

/**
 * Columns of rows, ascending: `at` in UTC ms (of days: midnight UTC of the date), `energyMsW` in ms·W, `coveredMs`,
 * `low` and `high` in watts, `samples`.
 * @typedef {{ at: Float64Array, energyMsW: Float64Array, coveredMs: Float64Array, low: Float64Array,
 *   high: Float64Array, samples: Float64Array }} Rows
 */

export class RowsReader extends LineReader {
  /** @param {"timestamp" | "day"} first the name of the first column */
  constructor(first = "timestamp") {
    super(`${first},${COLUMNS}`);
    this.isOfDays = first === "day";
    this.columns = Array.from({ length: 6 }, () => new Column());
  }

  /** @returns {Rows} */
  get rows() {
    const [at, energyMsW, coveredMs, low, high, samples] = this.columns.map((column) => column.values);
    return { at, energyMsW, coveredMs, low, high, samples };
  }

  /** @override @param {Uint8Array} bytes @param {number} begin @param {number} end */
  row(bytes, begin, end) {
    const at = this.isOfDays ? this.date(bytes, begin) : this.moment(bytes, begin);
    if (Number.isNaN(at)) return false;
    // The mean is energy over covered time, and is left empty where there is none.
    while (this.after < end && bytes[this.after] !== 44) this.after++;
    this.after++;
    const low = this.number(bytes, end, 0);
    const high = this.number(bytes, end, 0);
    const energy = this.number(bytes, end, 9);
    const covered = this.number(bytes, end, 3);
    const samples = this.number(bytes, end, 0);
    if (Number.isNaN(low + high + energy + covered + samples) || this.after <= end) return false;
    const [ats, energies, covereds, lows, highs, counts] = this.columns;
    ats.push(at);
    energies.push(Math.round(energy * MS_WATTS_PER_UNIT));
    covereds.push(covered);
    lows.push(low);
    highs.push(high);
    counts.push(samples);
    return true;
  }
}
