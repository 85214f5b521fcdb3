/** The collectors' published files, checked and merged: who is measured, what they draw now, what happened in a day. */

import { tariffOf } from "../tariff.js";
import { addDays, isDay, isZone, parseMoment } from "../time.js";
import { FileError, getJson, otherFormat, serverNow } from "./fetching.js";

const FORMAT = 1;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
/** A collector that has not written for so long stands still. */
const STALE_MS = 60_000;
const NO_READING = {
  state: "unknown",
  at: null,
  watts: null,
  ageMs: null,
  reason: null,
  detail: null,
  since: null,
  flags: [],
  source: null,
};

/**
 * @typedef {{ begin: number, end: number | null, kind: string, reason: string, detail: string, value: number | null }} Happening
 * @typedef {{
 *   state: string, at: number | null, watts: number | null, ageMs: number | null,
 *   reason: string | null, detail: string | null, since: number | null, flags: string[], source: string | null
 * }} Reading `state`: fresh, silent, waiting, stale (the collector stands still), unknown
 * @typedef {{
 *   id: string, name: string, collector: string, title: string, group: string, rack: string, zone: string,
 *   intervalMs: number, simulated: boolean, days: Range[], months: Range[], years: Range[], tariff: Tariff | null,
 *   co2PerKwh: number | null, reading: Reading
 * }} Machine `zone` is that in which its days begin; `co2PerKwh` in grams
 * @typedef {[string, string]} Range first and last, both included: of days, months `2026-11`, years `2026`
 * @typedef {import("../tariff.js").Tariff} Tariff
 * @typedef {{ state: "refused" | "stalled", since: number | null, detail: string, unwritten: number, dropped: number }} Storage
 * @typedef {{
 *   collector: string, file: "index" | "now", error: FileError | null, writtenAt: number | null, storage?: Storage
 * }} Trouble `error` is null for a collector that stands still, and for one whose `storage` takes nothing
 */

/** All collectors' machines. What cannot be read is a trouble; what was read before is kept. */
export class Fleet {
  /** @param {import("./site.js").Site} site */
  constructor(site) {
    this.site = site;
    /** @type {Map<string, Omit<Machine, "reading">[]>} */
    this.indexes = new Map();
    /** @type {Map<string, { writtenAt: number, bmcs: Record<string, unknown>, storage: Storage | null }>} */
    this.nows = new Map();
    /** @type {Trouble[]} */
    this.troubles = [];
    /** @type {Machine[]} */
    this.machines = [];
  }

  /** Whether any collector's index was ever read. */
  get known() {
    return this.indexes.size > 0;
  }

  /** Whether the web server did not answer when it was last asked. */
  get isOffline() {
    return this.troubles.some(({ error }) => error?.kind === "offline");
  }

  /** Read again; never throws. @param {{ index: boolean }} what `now.json` always, the index on demand */
  async refresh({ index }) {
    const troubles = await Promise.all(this.site.collectors.map((name) => this.#collector(name, index)));
    this.troubles = troubles.flat();
    this.machines = this.site.collectors.flatMap((name) => this.#merged(name));
  }

  /**
   * The machine that an address means: `collector/name`, or the name alone where only one collector has it.
   * @param {string} text
   */
  find(text) {
    const exact = this.machines.find(({ id }) => id === text);
    if (exact) return exact;
    const named = this.machines.filter(({ name }) => name === text);
    return named.length === 1 ? named[0] : null;
  }

  /** The shortest text by which `find` finds the machine. @param {Machine} machine */
  address(machine) {
    return this.machines.filter(({ name }) => name === machine.name).length === 1 ? machine.name : machine.id;
  }

  async #collector(/** @type {string} */ name, /** @type {boolean} */ index) {
    /** @returns {Promise<Trouble | null>} */
    const attempt = async (/** @type {"index" | "now"} */ file, /** @type {() => Promise<void>} */ load) => {
      try {
        await load();
        return null;
      } catch (error) {
        if (!(error instanceof FileError)) throw error;
        return { collector: name, file, error, writtenAt: null };
      }
    };
    const folder = folderOf(name);
    const attempts = await Promise.all([
      attempt("now", async () => {
        const found = checked(await getJson(`${folder}/now.json`, { cache: "no-store" }), `${folder}/now.json`);
        this.nows.set(name, {
          writtenAt: parseMoment(found.written_at) ?? 0,
          bmcs: Object(found.bmcs),
          storage: storageOf(found.storage),
        });
      }),
      index || !this.indexes.has(name)
        ? attempt("index", async () => {
            const found = checked(await getJson(`${folder}/index.json`), `${folder}/index.json`);
            this.indexes.set(name, machinesOf(found, name, this.site.zone));
          })
        : null,
    ]);
    const troubles = attempts.filter((each) => each !== null);
    const now = this.nows.get(name);
    if (now && this.#isStale(name) && !troubles.some(({ file }) => file === "now")) {
      troubles.push({ collector: name, file: "now", error: null, writtenAt: now.writtenAt });
    }
    // Two sentences about one cause are one too many; that about the index stays.
    if (troubles.length === 2 && troubles[0].error?.kind === troubles[1].error?.kind) troubles.shift();
    if (now?.storage && !this.#isStale(name)) {
      troubles.push({ collector: name, file: "now", error: null, writtenAt: now.writtenAt, storage: now.storage });
    }
    return troubles;
  }

  #isStale(/** @type {string} */ collector) {
    const now = this.nows.get(collector);
    return now !== undefined && serverNow() - now.writtenAt > STALE_MS;
  }

  #merged(/** @type {string} */ collector) {
    const now = this.nows.get(collector);
    const stale = this.#isStale(collector);
    return (this.indexes.get(collector) ?? []).map((machine) => {
      const reading = now ? readingOf(now.bmcs[machine.name], now.writtenAt) : NO_READING;
      return { ...machine, reading: stale && reading.state !== "unknown" ? { ...reading, state: "stale" } : reading };
    });
  }
}

/** The folder of a collector's files. @param {string} collector */
export function folderOf(collector) {
  return `data/${encodeURIComponent(collector)}`;
}

/** The address of one of a machine's files. @param {Machine} machine @param {string} file */
export function fileOf(machine, file) {
  return `${folderOf(machine.collector)}/${encodeURIComponent(machine.name)}/${file}`;
}

/** Whether a day, month or year is in one of the ranges. @param {Range[]} ranges @param {string} one */
export function isIn(ranges, one) {
  return ranges.some(([first, last]) => first <= one && one <= last);
}

/** Whether the index says that there are samples of the day. @param {Machine} machine @param {string} day */
export function hasDay(machine, day) {
  return isIn(machine.days, day);
}

/** The first day with samples from a day on, or null. @param {Machine} machine @param {string} day */
export function dayFrom(machine, day) {
  const range = machine.days.find(([, last]) => day <= last);
  return range ? [range[0], day].sort()[1] : null;
}

/** The nearest days with samples before and after a day. @param {Machine} machine @param {string} day */
export function neighbours(machine, day) {
  /** @type {string | null} */
  let before = null;
  /** @type {string | null} */
  let after = null;
  for (const [first, last] of machine.days) {
    if (first < day) before = last < day ? last : addDays(day, -1);
    if (last > day && after === null) after = first > day ? first : addDays(day, 1);
  }
  return { before, after };
}

/**
 * What happened to a machine on a day (in a month), and how often it was asked when that began. Without the file, nothing
 * did.
 * @param {Machine} machine @param {string} day or month, as in the file's name @returns {Promise<{ intervalMs: number, events: Happening[] }>}
 */
export async function loadEvents(machine, day) {
  const url = fileOf(machine, `${day}.events.json`);
  let found;
  try {
    found = checked(await getJson(url), url);
  } catch (error) {
    if (error instanceof FileError && error.kind === "missing") return { intervalMs: machine.intervalMs, events: [] };
    throw error;
  }
  return {
    intervalMs: positive(found.interval_s, machine.intervalMs / 1000) * 1000,
    events: list(found.events).flatMap((/** @type {any} */ each) => {
      const begin = parseMoment(each?.begin);
      if (begin === null || typeof each.kind !== "string") return [];
      const value = each.step_ms ?? each.limit_w ?? (each.interval_s > 0 ? each.interval_s * 1000 : null);
      return [
        {
          begin,
          end: parseMoment(each.end),
          kind: each.kind,
          reason: text(each.reason),
          detail: text(each.detail),
          value: typeof value === "number" && Number.isFinite(value) ? value : null,
        },
      ];
    }),
  };
}

/** @param {any} found @param {string} url */
function checked(found, url) {
  if (found.format === FORMAT) return found;
  throw otherFormat(url, found.format);
}

/** @param {any} index @param {string} collector @param {string} siteZone @returns {Omit<Machine, "reading">[]} */
function machinesOf(index, collector, siteZone) {
  const zone = isZone(index.zone) ? index.zone : siteZone;
  const tariff = tariffOf(index.tariff, zone);
  return list(index.bmcs)
    .filter((/** @type {any} */ each) => typeof each?.name === "string" && NAME.test(each.name))
    .map((/** @type {any} */ each) => ({
      id: `${collector}/${each.name}`,
      name: each.name,
      collector,
      title: text(each.title) || each.name,
      group: text(each.group),
      rack: text(each.rack),
      zone,
      intervalMs: positive(each.interval_s, 10) * 1000,
      simulated: each.simulated === true,
      days: rangesOf(each.days, isDay),
      months: rangesOf(each.months, isMonth),
      years: rangesOf(each.years, isYear),
      tariff,
      co2PerKwh: index.co2_g_per_kwh >= 0 ? Number(index.co2_g_per_kwh) : null,
    }));
}

/** @param {any} found @param {(text: string) => boolean} isOne @returns {Range[]} */
function rangesOf(found, isOne) {
  return list(found).filter(
    (/** @type {any} */ range) => Array.isArray(range) && isOne(range[0]) && isOne(range[1]) && range[0] <= range[1],
  );
}

const isMonth = (/** @type {unknown} */ value) => typeof value === "string" && /^\d{4}-(0[1-9]|1[0-2])$/.test(value);
const isYear = (/** @type {unknown} */ value) => typeof value === "string" && /^\d{4}$/.test(value);

/** What is wrong with a collector's storage, null if nothing. @param {any} found @returns {Storage | null} */
function storageOf(found) {
  if (found?.state !== "refused" && found?.state !== "stalled") return null;
  return {
    state: found.state,
    since: parseMoment(found.since),
    detail: text(found.detail),
    unwritten: positive(found.unwritten, 0),
    dropped: positive(found.dropped, 0),
  };
}

/** @param {any} found @param {number} writtenAt @returns {Reading} */
function readingOf(found, writtenAt) {
  if (!found || !["fresh", "silent", "waiting"].includes(found.state)) return NO_READING;
  const watts = typeof found.power_w === "number" ? found.power_w : null;
  const age = typeof found.age_s === "number" ? found.age_s * 1000 + Math.max(serverNow() - writtenAt, 0) : null;
  return {
    state: found.state,
    at: parseMoment(found.at),
    watts,
    ageMs: age,
    reason: text(found.reason) || null,
    detail: text(found.detail) || null,
    since: parseMoment(found.since),
    flags: list(found.flags).filter((/** @type {unknown} */ each) => typeof each === "string"),
    source: text(found.source) || null,
  };
}

const list = (/** @type {unknown} */ value) => (Array.isArray(value) ? value : []);
const text = (/** @type {unknown} */ value) => (typeof value === "string" ? value : "");
const positive = (/** @type {unknown} */ value, /** @type {number} */ otherwise) =>
  typeof value === "number" && value > 0 ? value : otherwise;
