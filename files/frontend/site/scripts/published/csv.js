/** The samples of a published CSV file, as far as it has been read: whole lines only, bad ones counted and left out. */

const NEWLINE = 10;
const HEADER = "timestamp,consumption";
const ROW = /^(\d{4}-\d{2}-\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?Z,(\d{1,7})$/;
const decoder = new TextDecoder();

/** Grows by bytes; what comes after the last newline is held back until the rest of its line arrives. */
export class CsvReader {
  constructor() {
    /** @type {number[]} */
    this.at = [];
    /** @type {number[]} */
    this.watts = [];
    /** Rows that could not be read. */
    this.bad = 0;
    /** @type {{ line: number, text: string } | null} the first of them */
    this.firstBad = null;
    /** Bytes of the file that were read as whole lines. */
    this.consumed = 0;
    /** @type {Uint8Array} the last whole line: what a later look at the same place must find again */
    this.lastLine = new Uint8Array();
    this.lines = 0;
    /** @type {Uint8Array} */
    this.rest = new Uint8Array();
    this.day = "";
    this.midnight = Number.NaN;
  }

  /** Read on. Returns whether there was a whole line in it. @param {Uint8Array} bytes */
  feed(bytes) {
    const all = joined(this.rest, bytes);
    const end = all.lastIndexOf(NEWLINE) + 1;
    this.rest = all.slice(end);
    if (end === 0) return false;
    this.lastLine = all.slice(all.lastIndexOf(NEWLINE, end - 2) + 1, end);
    this.consumed += end;
    for (const line of decoder.decode(all.subarray(0, end - 1)).split("\n")) this.#row(line);
    return true;
  }

  /** The line is the file's last and will not go on. */
  close() {
    if (this.rest.length > 0) this.feed(Uint8Array.of(NEWLINE));
  }

  #row(/** @type {string} */ line) {
    this.lines++;
    const text = line.endsWith("\r") ? line.slice(0, -1) : line;
    if (text === "" || (this.lines === 1 && text === HEADER)) return;
    const found = ROW.exec(text);
    const at = found ? this.#moment(found) : Number.NaN;
    if (!found || Number.isNaN(at)) {
      this.bad++;
      this.firstBad ??= { line: this.lines, text: text.slice(0, 60) };
      return;
    }
    this.at.push(at);
    this.watts.push(Number(found[6]));
  }

  #moment(/** @type {RegExpExecArray} */ [, day, hours, minutes, seconds, fraction]) {
    if (day !== this.day) {
      this.day = day;
      this.midnight = Date.parse(`${day}T00:00:00Z`);
      // "2026-02-30" is read as 2 March by some: not a date.
      if (!Number.isNaN(this.midnight) && !new Date(this.midnight).toISOString().startsWith(day)) {
        this.midnight = Number.NaN;
      }
    }
    if (hours > "23" || minutes > "59" || seconds > "59") return Number.NaN;
    const ms = fraction ? Math.floor(Number(`0.${fraction}`) * 1000 + 1e-6) : 0;
    return this.midnight + ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000 + ms;
  }
}

/** @param {Uint8Array} first @param {Uint8Array} second */
function joined(first, second) {
  if (first.length === 0) return second;
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
