/** A published CSV file: read whole, then followed as it grows. */

import { CsvReader } from "./csv.js";
import { body, get } from "./fetching.js";

/** @typedef {import("./lines.js").LineReader} LineReader */

const RANGE = /^bytes (\d+)-\d+\//;

/**
 * What a CSV file holds, kept up to date with `refresh`.
 * @template {LineReader} Reader
 */
export class FollowedFile {
  /** @param {string} url @param {() => Reader} begin makes a reader that has read nothing */
  constructor(url, begin) {
    this.url = url;
    this.begin = begin;
    this.reader = begin();
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
    this.reader = this.begin();
    this.reader.feed(bytes);
  }
}

/**
 * A file that is read once; throws FileError.
 * @template {LineReader} Reader @param {string} url @param {Reader} reader
 */
export async function readFile(url, reader) {
  reader.feed(await body(await get(url), url));
  return reader;
}

/** A day's samples that are read once. @param {string} url @returns {Promise<CsvReader>} throws FileError */
export function readDay(url) {
  return readFile(url, new CsvReader());
}
