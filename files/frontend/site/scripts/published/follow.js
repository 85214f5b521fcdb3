/** One machine's samples of one day: read whole, then followed as the file grows. */

import { CsvReader } from "./csv.js";
import { body, get } from "./fetching.js";

const RANGE = /^bytes (\d+)-\d+\//;

/** The samples of a CSV file, kept up to date with `refresh`. */
export class DayFile {
  /** @param {string} url */
  constructor(url) {
    this.url = url;
    this.reader = new CsvReader();
  }

  /**
   * Read what is new; throws FileError, and keeps what was read before.
   *
   * Asks from the beginning of the last whole line instead of its end: an answer that does not begin with that very line
   * tells that the file was written anew, and where nothing is new the answer is not an error.
   */
  async refresh() {
    const { consumed, lastLine } = this.reader;
    if (consumed === 0) return this.#whole();
    const from = consumed - lastLine.length;
    const answer = await get(this.url, { cache: "no-store", headers: { Range: `bytes=${from}-` } }, [200, 206, 416]);
    if (answer.status === 200) return this.#restart(await body(answer, this.url));
    const starts = RANGE.exec(answer.headers.get("Content-Range") ?? "");
    const bytes = answer.status === 206 && Number(starts?.[1]) === from ? await body(answer, this.url) : null;
    if (bytes === null || !lastLine.every((byte, i) => byte === bytes[i])) return this.#whole();
    // What was held back comes again, as this answer begins at whole lines.
    this.reader.rest = new Uint8Array();
    this.reader.feed(bytes.subarray(lastLine.length));
  }

  async #whole() {
    this.#restart(await body(await get(this.url, { cache: "no-store" }), this.url));
  }

  #restart(/** @type {Uint8Array} */ bytes) {
    this.reader = new CsvReader();
    this.reader.feed(bytes);
  }
}

/** A day that is read once. @param {string} url @returns {Promise<CsvReader>} throws FileError */
export async function readDay(url) {
  const reader = new CsvReader();
  reader.feed(await body(await get(url), url));
  return reader;
}
