/** A published CSV file read by bytes as it comes: whole lines only, bad rows counted and left out. */

const NEWLINE = 10;
const RETURN = 13;
const COMMA = 44;
const POINT = 46;
const ZERO = 48;
const decoder = new TextDecoder();
/** @type {DataView} */
const NO_BYTES = new DataView(new ArrayBuffer(0));

/** Grows by bytes; what comes after the last newline is held back until the rest of its line arrives. */
export class LineReader {
  /** @param {string} header of the file's first line */
  constructor(header) {
    this.header = header;
    /** Rows that could be read. */
    this.count = 0;
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
    this.dayKey = -1;
    this.midnight = Number.NaN;
    this.view = NO_BYTES;
    /** The first 16 bytes of the last row's moment, `2026-11-24T01:50`, and what they say in UTC ms. */
    this.upToMinute = [0, 0, 0, 0];
    this.minute = Number.NaN;
  }

  /** Read on. Returns whether there was a whole line in it. @param {Uint8Array} bytes */
  feed(bytes) {
    const all = joined(this.rest, bytes);
    const end = all.lastIndexOf(NEWLINE) + 1;
    this.rest = all.slice(end);
    if (end === 0) return false;
    this.lastLine = all.slice(all.lastIndexOf(NEWLINE, end - 2) + 1, end);
    this.view = new DataView(all.buffer, all.byteOffset, all.byteLength);
    this.consumed += end;
    for (let begin = 0; begin < end; ) {
      const next = all.indexOf(NEWLINE, begin);
      this.#line(all, begin, next > begin && all[next - 1] === RETURN ? next - 1 : next);
      begin = next + 1;
    }
    this.view = NO_BYTES; // else it would keep the file's bytes
    return true;
  }

  /** The line is the file's last and will not go on. */
  close() {
    if (this.rest.length > 0) this.feed(Uint8Array.of(NEWLINE));
  }

  /**
   * Take a row's bytes [begin, end); returns whether it is one. A reader of a certain file does this.
   * @param {Uint8Array} _bytes @param {number} _begin @param {number} _end @returns {boolean}
   */
  row(_bytes, _begin, _end) {
    return false;
  }

  #line(/** @type {Uint8Array} */ bytes, /** @type {number} */ begin, /** @type {number} */ end) {
    this.lines++;
    if (begin === end) return;
    if (this.row(bytes, begin, end)) {
      this.count++;
      return;
    }
    const text = decoder.decode(bytes.subarray(begin, end));
    if (this.lines === 1 && text === this.header) return;
    this.bad++;
    this.firstBad ??= { line: this.lines, text: text.slice(0, 60) };
  }

  /**
   * The moment that `2026-11-24T01:50:09.123Z,` at `begin` says, in UTC ms, or NaN; `after` is then where it ends.
   * @param {Uint8Array} b @param {number} begin
   */
  moment(b, begin) {
    if (begin + 20 > b.length) return Number.NaN;
    const minute = this.#minute(b, begin);
    const seconds = two(b, begin + 17);
    if (b[begin + 16] !== 58 || !(seconds < 60)) return Number.NaN;
    let i = begin + 19;
    let ms = 0;
    if (b[i] === POINT) {
      let digits = 0;
      for (i++; digits < 10 && isDigit(b[i]); i++, digits++) {
        if (digits < 3) ms = ms * 10 + b[i] - ZERO;
      }
      if (digits === 0 || digits > 9) return Number.NaN;
      for (; digits < 3; digits++) ms *= 10;
    }
    if (b[i] !== 90 || b[i + 1] !== COMMA) return Number.NaN;
    this.after = i + 2;
    return minute + seconds * 1000 + ms;
  }

  /** The UTC ms of `2026-11-24T01:50`, or NaN. Mostly it is that of the row before. @param {Uint8Array} b @param {number} begin */
  #minute(b, begin) {
    const { view, upToMinute } = this;
    const [first, second] = [view.getUint32(begin), view.getUint32(begin + 4)];
    const [third, fourth] = [view.getUint32(begin + 8), view.getUint32(begin + 12)];
    if (fourth === upToMinute[3] && third === upToMinute[2] && second === upToMinute[1] && first === upToMinute[0]) {
      return this.minute;
    }
    this.upToMinute = [first, second, third, fourth];
    const [hours, minutes] = [two(b, begin + 11), two(b, begin + 14)];
    const isClock = b[begin + 10] === 84 && b[begin + 13] === 58 && hours < 24 && minutes < 60;
    this.minute = isClock ? this.#day(b, begin) + (hours * 60 + minutes) * 60_000 : Number.NaN;
    return this.minute;
  }

  /** Midnight (UTC) of `2026-11-24`, or NaN. @param {Uint8Array} b @param {number} begin */
  #day(b, begin) {
    const year = two(b, begin) * 100 + two(b, begin + 2);
    const month = two(b, begin + 5);
    const day = two(b, begin + 8);
    if (b[begin + 4] !== 45 || b[begin + 7] !== 45) return Number.NaN;
    const key = (year * 100 + month) * 100 + day;
    if (key !== this.dayKey) {
      this.dayKey = key;
      this.midnight = Date.UTC(year, month - 1, day);
      // The 30th of February would be read as the 2nd of March.
      const read = new Date(this.midnight);
      if (!(year >= 100 && read.getUTCMonth() === month - 1 && read.getUTCDate() === day)) this.midnight = Number.NaN;
    }
    return this.midnight;
  }

  /** Of `2026-11-24,` at `begin`. @param {Uint8Array} b @param {number} begin */
  date(b, begin) {
    this.after = begin + 11;
    return b[begin + 10] === COMMA ? this.#day(b, begin) : Number.NaN;
  }

  /**
   * The decimal number that begins at `after` and ends at a comma or at `end`, as whole units of 10^-places, NaN where
   * there is none; `after` moves behind it.
   * @param {Uint8Array} b @param {number} end @param {number} places @param {number} most digits before the point
   */
  number(b, end, places, most = 9) {
    let i = this.after;
    let value = 0;
    let digits = 0;
    for (; i < end && isDigit(b[i]); i++, digits++) value = value * 10 + b[i] - ZERO;
    if (digits === 0 || digits > most) return Number.NaN;
    let fraction = 0;
    if (i < end && b[i] === POINT) {
      for (i++; i < end && isDigit(b[i]); i++, fraction++) {
        if (fraction < places) value = value * 10 + b[i] - ZERO;
      }
      if (fraction === 0 || fraction > places) return Number.NaN;
    }
    if (i < end && b[i] !== COMMA) return Number.NaN;
    this.after = i + 1;
    for (; fraction < places; fraction++) value *= 10;
    return value;
  }

  after = 0;
}

const isDigit = (/** @type {number} */ byte) => byte >= ZERO && byte <= 57;

/** Two digits as a number, NaN if they are none. @param {Uint8Array} b @param {number} i */
function two(b, i) {
  const [tens, ones] = [b[i] - ZERO, b[i + 1] - ZERO];
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}

/** @param {Uint8Array} first @param {Uint8Array} second */
function joined(first, second) {
  if (first.length === 0) return second;
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}

/** Numbers that grow: a typed array with room. */
export class Column {
  constructor() {
    this.room = new Float64Array(1024);
    this.length = 0;
  }

  /** @param {number} value */
  push(value) {
    if (this.length === this.room.length) {
      const larger = new Float64Array(this.room.length * 2);
      larger.set(this.room);
      this.room = larger;
    }
    this.room[this.length++] = value;
  }

  /** What is there; a view that later values do not change. */
  get values() {
    return this.room.subarray(0, this.length);
  }
}
