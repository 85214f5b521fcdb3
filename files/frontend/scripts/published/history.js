/** One machine's published past: samples, rows and events of any span, each file read once and followed while it grows. */

import { addDays, dayOf, daysTouching, midnights, nextMonth, nextYear, spanOfDay } from "../time.js";
import { CsvReader } from "./csv.js";
import { body, FileError, get, serverNow } from "./fetching.js";
import { dayFrom, fileOf, hasDay, isIn, loadEvents } from "./fleet.js";
import { FollowedFile } from "./follow.js";
import { RowsReader } from "./rows.js";

/** Rows may still come for a day, month or year so long after it has ended; then its file is left alone. */
const SETTLED_MS = 600_000;
/** While a machine answers, and has for so long, there is little that its events of today could newly say. */
const EVENTS_MS = 30_000;
/** Beyond, events come from the months' files. */
const MOST_DAYS_OF_EVENTS = 3;
/** Bytes that hold the first or last samples of a day, of which those around a span are wanted. */
const EDGE_BYTES = 512;

/**
 * @typedef {import("./fleet.js").Machine} Machine
 * @typedef {import("./fleet.js").Happening} Happening
 * @typedef {import("./rows.js").Rows} Rows
 * @typedef {import("./lines.js").LineReader} LineReader
 * @typedef {"five-minutes" | "hours" | "days"} RowLevel
 * @typedef {{ at: Float64Array, watts: Float64Array }} Samples
 * @typedef {[number, number]} Span
 * @typedef {{ url: string, bad: number, firstBad: { line: number, text: string } | null, count: number }} Damaged a file
 *   with rows that are none, and how many are good
 * @typedef {{ name: string, covers: Span, settledAt: number }} File `covers` what it may hold
 * @typedef {{ intervalMs: number, events: Happening[] }} Events `intervalMs` is that in force when the span began
 */

/** Widths of rows; those of days are 23 to 25 hours. */
export const ROW_MS = { "five-minutes": 300_000, hours: 3_600_000, days: 86_400_000 };

export class MachineHistory {
  /** @param {Machine} machine */
  constructor(machine) {
    this.latest = machine;
    /** @type {Map<string, FileError>} by address, what could not be had when it was last asked for */
    this.troubles = new Map();
    /** @type {Map<string, Promise<any>>} by address, what is being asked for: who wants it too waits for the same */
    this.asked = new Map();
    /** @type {Map<string, { file: FollowedFile<any>, covers: Span, settled: boolean }>} */
    this.files = new Map();
    /** @type {Map<string, { found: Events, settled: boolean, readAt: number }>} */
    this.happened = new Map();
    /** When the machine was last seen in another state than before. */
    this.changedAt = Number.NEGATIVE_INFINITY;
    /** @type {Map<string, Promise<Samples>>} */
    this.edges = new Map();
  }

  get machine() {
    return this.latest;
  }

  /** What the index and `now.json` say last; to be kept up to date by whoever reads those. */
  set machine(machine) {
    if (machine.reading?.state !== this.latest.reading?.state) this.changedAt = serverNow();
    this.latest = machine;
  }

  /** Whoever looks again wants to know of all that happened. */
  forgetEvents() {
    for (const known of this.happened.values()) known.readAt = Number.NEGATIVE_INFINITY;
  }

  /** What could not be had of all that was asked for; what was read before is kept. */
  get errors() {
    return [...this.troubles.values()];
  }

  /** Files read so far, with rows that are none, which may hold something of a span. @param {Span} span @returns {Damaged[]} */
  damaged([from, to]) {
    return [...this.files].flatMap(([url, { file, covers }]) => {
      const { bad, firstBad, count } = file.reader;
      return bad > 0 && covers[0] < to && covers[1] > from ? [{ url, bad, firstBad, count }] : [];
    });
  }

  /**
   * The samples of the days that a span touches, with the one before and the one after them, which say what holds at
   * the edges.
   * @param {number} from @param {number} to @returns {Promise<Samples>}
   */
  async samples(from, to) {
    const { machine } = this;
    const days = daysTouching(from, Math.max(from, to - 1), machine.zone);
    const wanted = days.filter((day) => hasDay(machine, day));
    const before = addDays(days[0], -1);
    // The last sample of a day holds until the next one, on whatever day that is.
    const after = dayFrom(machine, addDays(days[days.length - 1], 1));
    const parts = await Promise.all([
      hasDay(machine, before) ? this.#edge(before, "end") : null,
      ...wanted.map((day) => this.#day(day)),
      after ? this.#edge(after, "begin") : null,
    ]);
    const there = parts.filter((part) => part !== null);
    return {
      at: together(there.map(({ at }) => at)),
      watts: together(there.map(({ watts }) => watts)),
    };
  }

  /** Rows that lie in a span, wholly or in part, ascending. @param {RowLevel} level @param {number} from @param {number} to */
  async rows(level, from, to) {
    const { machine } = this;
    const [first, last] = [dayOf(from - ROW_MS[level], machine.zone), dayOf(Math.max(from, to - 1), machine.zone)];
    const parts = await Promise.all(
      rowFiles(machine, level, first, last).map((file) =>
        this.#followed(file, () => new RowsReader(level === "days" ? "day" : "timestamp")),
      ),
    );
    const there = parts.filter((part) => part !== null).map((reader) => /** @type {RowsReader} */ (reader).rows);
    return cut(joined(there), level, machine.zone, from, to);
  }

  /** What happened in a span. @param {number} from @param {number} to @returns {Promise<Events>} */
  async events(from, to) {
    const { machine } = this;
    const days = daysTouching(from, Math.max(from, to - 1), machine.zone);
    const names =
      days.length <= MOST_DAYS_OF_EVENTS || machine.months.length === 0
        ? days.slice(-31).filter((day) => hasDay(machine, day))
        : [...new Set(days.map((day) => day.slice(0, 7)))].filter((month) => isIn(machine.months, month));
    const parts = (await Promise.all(names.map((name) => this.#events(name)))).filter((part) => part !== null);
    /** @type {Map<string, Happening>} */
    const events = new Map();
    // What spans midnight is in both days' files: the later one knows its end.
    for (const { events: all } of parts)
      for (const each of all) events.set(`${each.kind} ${each.begin} ${each.detail}`, each);
    return {
      intervalMs: parts[0]?.intervalMs ?? machine.intervalMs,
      events: [...events.values()].sort((a, b) => a.begin - b.begin),
    };
  }

  async #day(/** @type {string} */ day) {
    const covers = spanOfDay(day, this.machine.zone);
    const file = { name: day, covers, settledAt: covers[1] + SETTLED_MS };
    const reader = await this.#followed(file, () => new CsvReader());
    return /** @type {CsvReader | null} */ (reader);
  }

  /** A day's first or last samples, without the rest of its file. */
  #edge(/** @type {string} */ day, /** @type {"begin" | "end"} */ which) {
    const url = fileOf(this.machine, `${day}.csv`);
    const known = this.files.get(url);
    if (known) return known.file.reader;
    const key = `${which} ${url}`;
    let found = this.edges.get(key);
    if (!found) {
      found = edgeOf(url, which).catch((error) => {
        this.edges.delete(key);
        this.#note(url, error);
        return { at: new Float64Array(), watts: new Float64Array() };
      });
      this.edges.set(key, found);
    }
    return found;
  }

  /** @param {File} wanted @param {() => LineReader} begin */
  async #followed({ name, covers, settledAt }, begin) {
    const url = fileOf(this.machine, `${name}.csv`);
    const known = this.files.get(url) ?? { file: new FollowedFile(url, begin), covers, settled: false };
    if (known.settled) return known.file.reader;
    await this.#once(url, async () => {
      const now = serverNow();
      await known.file.refresh();
      this.files.set(url, known);
      known.settled = now > settledAt;
      if (known.settled) known.file.reader.close();
    });
    // A file that is gone is not shown any longer; one that cannot be reached now is.
    if (this.troubles.get(url)?.kind === "missing") this.files.delete(url);
    return this.files.get(url)?.file.reader ?? null;
  }

  /** Ask for a file, unless that is under way. @param {string} url @param {() => Promise<void>} ask */
  #once(url, ask) {
    let asked = this.asked.get(url);
    if (!asked) {
      asked = ask()
        .then(
          () => this.troubles.delete(url),
          (error) => this.#note(url, error),
        )
        .finally(() => this.asked.delete(url));
      this.asked.set(url, asked);
    }
    return asked;
  }

  async #events(/** @type {string} */ name) {
    const { machine } = this;
    const known = this.happened.get(name);
    if (known && (known.settled || this.#isQuiet(known.readAt))) return known.found;
    const last = name.length === 7 ? addDays(`${nextMonth(name)}-01`, -1) : name;
    const settled = serverNow() > spanOfDay(last, machine.zone)[1] + SETTLED_MS;
    await this.#once(fileOf(machine, `${name}.events.json`), async () => {
      const readAt = serverNow();
      this.happened.set(name, { found: await loadEvents(machine, name), settled, readAt });
    });
    return this.happened.get(name)?.found ?? null;
  }

  /** Whether what was read of a machine that answers need not be read again yet. @param {number} readAt */
  #isQuiet(readAt) {
    const now = serverNow();
    const isNew = now - this.changedAt < EVENTS_MS;
    return this.machine.reading?.state === "fresh" && !isNew && now - readAt < EVENTS_MS;
  }

  #note(/** @type {string} */ url, /** @type {unknown} */ error) {
    if (!(error instanceof FileError)) throw error;
    this.troubles.set(url, error);
  }
}

/** @param {string} url @param {"begin" | "end"} which @returns {Promise<Samples>} */
async function edgeOf(url, which) {
  const range = which === "begin" ? `bytes=0-${EDGE_BYTES - 1}` : `bytes=-${EDGE_BYTES}`;
  const answer = await get(url, { headers: { Range: range } }, [200, 206]);
  const bytes = await body(answer, url);
  const reader = new CsvReader();
  // From the middle of a file, the first line is only the end of one.
  reader.feed(which === "end" && answer.status === 206 ? bytes.subarray(bytes.indexOf(10) + 1) : bytes);
  const { at, watts } = reader;
  const one = which === "begin" ? [0, 1] : [-1];
  return { at: at.slice(...one), watts: watts.slice(...one) };
}

/** The files that hold a level's rows of some days. @returns {File[]} */
function rowFiles(
  /** @type {Machine} */ machine,
  /** @type {RowLevel} */ level,
  /** @type {string} */ first,
  /** @type {string} */ last,
) {
  const ever = Number.POSITIVE_INFINITY;
  if (level === "days") return [{ name: "days", covers: [-ever, ever], settledAt: ever }];
  const { ranges, next, length } =
    level === "hours"
      ? { ranges: machine.years, next: nextYear, length: 4 }
      : { ranges: machine.months, next: nextMonth, length: 7 };
  /** @type {File[]} */
  const files = [];
  for (let name = first.slice(0, length); name <= last.slice(0, length); name = next(name)) {
    const [begin, end] = [name, next(name)].map((each) => spanOfDay(`${each}-01-01`.slice(0, 10), machine.zone)[0]);
    const settledAt = end + 2 * ROW_MS[level] + SETTLED_MS;
    if (isIn(ranges, name)) files.push({ name, covers: [begin, end], settledAt });
  }
  return files;
}

/** @param {Rows[]} parts @returns {Rows} */
function joined(parts) {
  if (parts.length === 1) return parts[0];
  const column = (/** @type {keyof Rows} */ name) => together(parts.map((part) => part[name]));
  return {
    at: column("at"),
    energyMsW: column("energyMsW"),
    coveredMs: column("coveredMs"),
    low: column("low"),
    high: column("high"),
    samples: column("samples"),
  };
}

/** Rows of days are dated by UTC midnight of their date: here, the zone's midnight takes its place. */
function cut(
  /** @type {Rows} */ rows,
  /** @type {RowLevel} */ level,
  /** @type {string} */ zone,
  /** @type {number} */ from,
  /** @type {number} */ to,
) {
  const at = level === "days" ? midnights(rows.at, zone) : rows.at;
  let begin = 0;
  while (begin < at.length && (at[begin + 1] ?? at[begin] + ROW_MS[level]) <= from) begin++;
  if (level !== "days") {
    // A hole may lie before the span: a row ends when its time is over, not when the next one begins.
    while (begin < at.length && at[begin] + ROW_MS[level] <= from) begin++;
  }
  let end = at.length;
  while (end > begin && at[end - 1] >= to) end--;
  return {
    at: at.subarray(begin, end),
    energyMsW: rows.energyMsW.subarray(begin, end),
    coveredMs: rows.coveredMs.subarray(begin, end),
    low: rows.low.subarray(begin, end),
    high: rows.high.subarray(begin, end),
    samples: rows.samples.subarray(begin, end),
  };
}

/** @param {Float64Array[]} parts */
function together(parts) {
  if (parts.length === 1) return parts[0];
  const all = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
