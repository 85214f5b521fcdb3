/**
 * The figures of a span of one machine: from samples where they are published, else from rows, to which the span then
 * snaps. Never from drawn points. The rule and its vectors are the collector's: `collector/tests/vectors/statistics.json`.
 */

import { heldAt, holds } from "./energy.js";
import { intervalAfter, stepsOf } from "./happenings.js";
import { finestLevel, finestRows } from "./levels.js";
import { ROW_MS } from "./published/history.js";
import { costOf, RateClock } from "./tariff.js";
import { addDays, dayOf, startOfDay } from "./time.js";

const FIVE_MINUTES = ROW_MS["five-minutes"];
const MS_PER_HOUR = 3_600_000;
/** Beyond, percentiles are of five-minute means: nobody wants to wait for a month of samples. */
export const LONGEST_OF_SAMPLES_MS = 7 * 24 * MS_PER_HOUR;
/** From so many samples on, the uncertainty of a span's ends is not worth a word. */
const MANY_SAMPLES = 30;

/**
 * @typedef {import("./published/fleet.js").Machine} Machine
 * @typedef {import("./published/history.js").MachineHistory} MachineHistory
 * @typedef {import("./published/history.js").Events} Events
 * @typedef {import("./published/rows.js").Rows} Rows
 * @typedef {{ at: ArrayLike<number>, watts: ArrayLike<number> }} Samples in the order in which they were taken
 * @typedef {{ at: number, watts: number, withinMs: number }} Extreme `withinMs` 0: at that moment; else in a row that long
 * @typedef {{
 *   from: number, to: number, source: "samples" | "five-minutes" | "hours", samples: number, coveredMs: number, spanMs: number,
 *   coverage: number, energyWh: number, meanW: number | null, p95W: number | null, baseW: number | null, meansOfMs: number,
 *   minimum: Extreme | null, peak: Extreme | null, energyByRate: number[], cost: number | null, co2G: number | null,
 *   carriedBy: number, endError: number | null, isOpen: boolean
 * }} Figures `from` and `to` as snapped; percentiles are of means of `meansOfMs` where that is not 0; `carriedBy` counts a
 *   sample from before the span that holds into it, where there is no other; `endError` is the
 *   share by which the ends of a short span are uncertain; energies by rate in ms·W, the base rate last
 */

/**
 * @param {Samples} samples those around the span too @param {Events} happened @param {Pick<Machine, "tariff" | "co2PerKwh">} prices
 * @param {number} from @param {number} to @returns {Figures}
 */
export function figuresOfSamples(samples, happened, prices, from, to) {
  const sum = new Sum(prices, to - from > LONGEST_OF_SAMPLES_MS ? FIVE_MINUTES : 0);
  sum.addSamples(samples, happened, from, to);
  return sum.figures("samples", from, to, intervalAfter(happened)(from));
}

/**
 * Figures of whole rows; the span snaps outward to them.
 * @param {Rows} rows @param {number} widthMs @param {Pick<Machine, "tariff" | "co2PerKwh">} prices
 * @param {number} from @param {number} to @param {number} intervalMs @returns {Figures}
 */
export function figuresOfRows(rows, widthMs, prices, from, to, intervalMs) {
  const [first, last] = [Math.floor(from / widthMs) * widthMs, Math.ceil(to / widthMs) * widthMs];
  const sum = new Sum(prices, widthMs);
  sum.addRows(rows, widthMs, first, last);
  return sum.figures(widthMs === FIVE_MINUTES ? "five-minutes" : "hours", first, last, intervalMs);
}

/**
 * The figures of a machine's span. Those in short are without percentiles, and without a cost by several rates, so that
 * of long spans only a row a day is read.
 * @param {Machine} machine @param {MachineHistory} history @param {number} from @param {number} to @param {number} now
 * @param {{ inShort?: boolean }} [how] @returns {Promise<Figures>}
 */
export async function figuresOf(machine, history, from, to, now, { inShort = false } = {}) {
  const level = await finestLevel(history, from, to);
  const isOpen = to > now;
  if (inShort && to - from > LONGEST_OF_SAMPLES_MS && machine.months.length > 0) {
    return { ...(await dailyFigures(machine, history, from, to)), isOpen };
  }
  if (level !== "samples") {
    const [rows, { intervalMs }] = await Promise.all([
      history.rows(level, from - ROW_MS[level], to + ROW_MS[level]),
      history.events(from, from + 1),
    ]);
    return { ...figuresOfRows(rows, ROW_MS[level], machine, from, to, intervalMs), isOpen };
  }
  const hasRows = machine.months.length > 0 && finestRows(machine, from, to) === "five-minutes";
  if (to - from > LONGEST_OF_SAMPLES_MS && hasRows) {
    return { ...(await longFigures(machine, history, from, to)), isOpen };
  }
  const [samples, happened] = await Promise.all([history.samples(from, to), history.events(from, to)]);
  return { ...figuresOfSamples(samples, happened, machine, from, to), isOpen };
}

/** Rows are exact, so only the ends and what has no row yet come from samples. */
async function longFigures(
  /** @type {Machine} */ machine,
  /** @type {MachineHistory} */ history,
  /** @type {number} */ from,
  /** @type {number} */ to,
) {
  const happened = await history.events(from, to);
  if (stepsOf(happened.events).some(({ stepMs }) => stepMs < 0)) {
    return figuresOfSamples(await history.samples(from, to), happened, machine, from, to);
  }
  const sum = new Sum(machine, FIVE_MINUTES);
  await addExactly(sum, history, happened, from, to);
  const found = sum.figures("samples", from, to, intervalAfter(happened)(from));
  return {
    ...found,
    minimum: await exactly("minimum", found.minimum, history, happened),
    peak: await exactly("peak", found.peak, history, happened),
  };
}

async function addExactly(
  /** @type {Sum} */ sum,
  /** @type {MachineHistory} */ history,
  /** @type {Events} */ happened,
  /** @type {number} */ from,
  /** @type {number} */ to,
) {
  const rows = await history.rows("five-minutes", from, to);
  const first = Math.ceil(from / FIVE_MINUTES) * FIVE_MINUTES;
  const whole = Math.floor(to / FIVE_MINUTES) * FIVE_MINUTES;
  // The newest row may be told again.
  const written = rows.at.length > 0 ? rows.at[rows.at.length - 1] : first;
  const last = Math.max(first, Math.min(whole, written));
  if (from < first) sum.addSamples(await history.samples(from, first), happened, from, first);
  sum.addRows(rows, FIVE_MINUTES, first, last);
  if (last < to) sum.addSamples(await history.samples(last, to), happened, last, to);
}

/** A row a day, and what the ends of the span cut from days from what is finer. */
async function dailyFigures(
  /** @type {Machine} */ machine,
  /** @type {MachineHistory} */ history,
  /** @type {number} */ from,
  /** @type {number} */ to,
) {
  const several = machine.tariff !== null && machine.tariff.rates.length > 0;
  const sum = new Sum({ tariff: several ? null : machine.tariff, co2PerKwh: machine.co2PerKwh }, ROW_MS.days);
  const rows = await history.rows("days", from, to);
  const { zone } = machine;
  const begin = startOfDay(dayOf(from, zone), zone);
  const first = begin === from ? from : startOfDay(addDays(dayOf(from, zone), 1), zone);
  const end = rows.at.length > 0 ? startOfDay(addDays(dayOf(rows.at[rows.at.length - 1], zone), 1), zone) : first;
  const last = Math.max(first, Math.min(end, startOfDay(dayOf(to, zone), zone)));
  if (from < first) await addExactly(sum, history, await history.events(from, first), from, first);
  sum.addRows(rows, ROW_MS.days, first, last);
  if (last < to) await addExactly(sum, history, await history.events(last, to), last, to);
  return { ...sum.figures("samples", from, to, machine.intervalMs), p95W: null, baseW: null };
}

/** When in its row an extreme was, by the samples. */
async function exactly(
  /** @type {"minimum" | "peak"} */ which,
  /** @type {Extreme | null} */ extreme,
  /** @type {MachineHistory} */ history,
  /** @type {Events} */ happened,
) {
  if (!extreme || extreme.withinMs === 0) return extreme;
  const [from, to] = [extreme.at, extreme.at + extreme.withinMs];
  const found = figuresOfSamples(await history.samples(from, to), happened, NO_PRICES, from, to)[which];
  return found?.watts === extreme.watts ? found : extreme;
}

/** A machine that draws more than this is counted more slowly. */
const USUAL_W = 4096;
const NO_PRICES = { tariff: null, co2PerKwh: null };

/** What adds up. */
class Sum {
  /** @param {Pick<Machine, "tariff" | "co2PerKwh">} prices @param {number} meansOfMs 0 for percentiles of samples */
  constructor({ tariff, co2PerKwh }, meansOfMs) {
    this.tariff = tariff;
    this.co2PerKwh = co2PerKwh;
    this.meansOfMs = meansOfMs;
    this.samples = 0;
    this.coveredMs = 0;
    this.energyMsW = 0;
    this.holdsAny = false;
    /** @type {Extreme | null} */
    this.minimum = null;
    /** @type {Extreme | null} */
    this.peak = null;
    this.byRate = new Array((tariff?.rates.length ?? 0) + 1).fill(0);
    this.clock = tariff && tariff.rates.length > 0 ? new RateClock(tariff) : null;
    /** Covered ms by watts: those of whole watts that are usual, and of all others. */
    this.usual = new Float64Array(USUAL_W);
    /** @type {Map<number, number>} */
    this.unusual = new Map();
    /** @type {Map<number, { coveredMs: number, energyMsW: number }>} by the row's beginning */
    this.means = new Map();
  }

  /** @param {Samples} samples @param {Events} happened @param {number} from @param {number} to */
  addSamples(samples, happened, from, to) {
    const { at, watts } = samples;
    const intervalAt = intervalAfter(happened);
    const steps = stepsOf(happened.events);
    const hold = steps.length > 0 ? holds(samples, intervalAt, steps) : null;
    for (let i = 0; i < at.length; i++) {
      const inside = at[i] >= from && at[i] < to;
      const begin = Math.max(at[i], from);
      const end = Math.min(at[i] + (hold ? hold[i] : heldAt(at, i, intervalAt(at[i]))), to);
      if (!inside && end <= begin) continue;
      this.samples += inside ? 1 : 0;
      this.#extremes(begin, watts[i], watts[i], 0);
      if (end > begin) this.#held(begin, end, watts[i]);
    }
  }

  /** @param {Rows} rows @param {number} widthMs @param {number} from @param {number} to both multiples of the width */
  addRows({ at, energyMsW, coveredMs, low, high, samples }, widthMs, from, to) {
    for (let i = 0; i < at.length; i++) {
      if (at[i] < from || at[i] >= to) continue;
      this.samples += samples[i];
      this.coveredMs += coveredMs[i];
      this.energyMsW += energyMsW[i];
      this.#extremes(at[i], low[i], high[i], widthMs);
      this.#mean(at[i], coveredMs[i], energyMsW[i]);
      this.byRate[this.clock?.at(at[i]) ?? 0] += energyMsW[i];
    }
  }

  #extremes(
    /** @type {number} */ at,
    /** @type {number} */ low,
    /** @type {number} */ high,
    /** @type {number} */ withinMs,
  ) {
    this.holdsAny = true;
    if (this.minimum === null || low < this.minimum.watts) this.minimum = { at, watts: low, withinMs };
    if (this.peak === null || high > this.peak.watts) this.peak = { at, watts: high, withinMs };
  }

  /** A sample that holds over the edge of a row counts in both for its part. */
  #held(/** @type {number} */ begin, /** @type {number} */ end, /** @type {number} */ watts) {
    this.coveredMs += end - begin;
    this.energyMsW += (end - begin) * watts;
    if (this.meansOfMs === 0) this.#weigh(watts, end - begin);
    if (this.meansOfMs === 0 && !this.clock) {
      this.byRate[0] += (end - begin) * watts;
      return;
    }
    for (let at = begin; at < end; ) {
      const row = Math.floor(at / FIVE_MINUTES) * FIVE_MINUTES;
      const held = Math.min(end, row + FIVE_MINUTES) - at;
      this.byRate[this.clock?.at(row) ?? 0] += held * watts;
      if (this.meansOfMs > 0) this.#mean(row, held, held * watts);
      at += held;
    }
  }

  #weigh(/** @type {number} */ watts, /** @type {number} */ ms) {
    if (watts < USUAL_W && Number.isInteger(watts) && watts >= 0) this.usual[watts] += ms;
    else this.unusual.set(watts, (this.unusual.get(watts) ?? 0) + ms);
  }

  /** Watts, and the ms for which they held. @returns {[number, number][]} */
  get #weights() {
    if (this.meansOfMs > 0) {
      return [...this.means.values()]
        .filter(({ coveredMs }) => coveredMs > 0)
        .map(({ coveredMs, energyMsW }) => [energyMsW / coveredMs, coveredMs]);
    }
    /** @type {[number, number][]} */
    const found = [...this.unusual];
    this.usual.forEach((ms, watts) => {
      if (ms > 0) found.push([watts, ms]);
    });
    return found;
  }

  #mean(/** @type {number} */ row, /** @type {number} */ coveredMs, /** @type {number} */ energyMsW) {
    const found = this.means.get(row);
    if (!found) this.means.set(row, { coveredMs, energyMsW });
    else {
      found.coveredMs += coveredMs;
      found.energyMsW += energyMsW;
    }
  }

  /** The least watts at or below which so many hundredths of the covered time lie. @param {[number, number][]} ascending watts and ms */
  #percentile(ascending, /** @type {number} */ hundredths) {
    let below = 0;
    for (const [watts, ms] of ascending) {
      below += ms;
      if (100 * below >= hundredths * this.coveredMs) return watts;
    }
    return null;
  }

  /** @param {Figures["source"]} source @param {number} from @param {number} to @param {number} intervalMs @returns {Figures} */
  figures(source, from, to, intervalMs) {
    const covered = this.coveredMs > 0;
    const ascending = this.#weights.sort(([a], [b]) => a - b);
    const energyWh = this.energyMsW / MS_PER_HOUR;
    const spanMs = to - from;
    const carriedBy = Math.max(this.samples, this.holdsAny ? 1 : 0);
    return {
      from,
      to,
      source,
      samples: this.samples,
      coveredMs: this.coveredMs,
      spanMs,
      coverage: spanMs > 0 ? Math.min(this.coveredMs / spanMs, 1) : 0,
      energyWh,
      meanW: covered ? this.energyMsW / this.coveredMs : null,
      p95W: covered ? this.#percentile(ascending, 95) : null,
      baseW: covered ? this.#percentile(ascending, 5) : null,
      meansOfMs: this.meansOfMs,
      minimum: this.minimum,
      peak: this.peak,
      energyByRate: this.byRate,
      cost: this.tariff ? costOf(this.tariff, this.byRate) : null,
      co2G: this.co2PerKwh === null ? null : (energyWh / 1000) * this.co2PerKwh,
      carriedBy,
      endError: carriedBy > 0 && carriedBy < MANY_SAMPLES ? intervalMs / spanMs : null,
      isOpen: false,
    };
  }
}
