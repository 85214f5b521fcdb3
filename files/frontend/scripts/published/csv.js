/** The samples of a published day or tail: `timestamp,consumption`. */

import { Column, LineReader } from "./lines.js";

/** Samples in the order of the file: `at` in UTC ms, `watts`. */
export class CsvReader extends LineReader {
  constructor() {
    super("timestamp,consumption");
    this.times = new Column();
    this.readings = new Column();
  }

  get at() {
    return this.times.values;
  }

  get watts() {
    return this.readings.values;
  }

  /** @override @param {Uint8Array} bytes @param {number} begin @param {number} end */
  row(bytes, begin, end) {
    const at = this.moment(bytes, begin);
    if (Number.isNaN(at)) return false;
    const watts = this.number(bytes, end, 0, 7);
    if (Number.isNaN(watts) || this.after <= end) return false;
    this.times.push(at);
    this.readings.push(watts);
    return true;
  }
}
