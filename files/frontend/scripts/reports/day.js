/** One day of a machine: its samples, or the rows there still are of it, with all that a report says of them. */

import { lineOfRows, lineOfSamples } from "../chart/lines.js";
import { holds, LONGEST_HOLD, parts } from "../energy.js";
import { figuresOfRows, figuresOfSamples } from "../figures.js";
import { intervalAfter, stepsOf } from "../happenings.js";
import { finestLevel } from "../levels.js";
import { ROW_MS } from "../published/history.js";
import { HOUR, spanOfDay } from "../time.js";
import { hoursOfDay, partsOfRows, timeAbove, timeAboveOfRows } from "./hours.js";

/**
 * @typedef {import("../published/fleet.js").Machine} Machine
 * @typedef {import("../published/history.js").MachineHistory} MachineHistory
 * @typedef {import("../published/history.js").Samples} Samples
 * @typedef {import("../published/history.js").Events} Events
 * @typedef {import("../published/rows.js").Rows} Rows
 * @typedef {import("./hours.js").Part} Part
 * @typedef {[number, number]} Span
 */

export class DayOfMachine {
  /**
   * @param {Machine} machine @param {Span} span from the day's first moment to the next day's @param {Span} counted what of it
   *   has passed @param {Events} happened @param {Samples | null} samples @param {{ rows: Rows, widthMs: number } | null} coarse
   */
  constructor(machine, span, counted, happened, samples, coarse) {
    this.machine = machine;
    this.span = span;
    this.counted = counted;
    this.happened = happened;
    this.samples = samples;
    this.coarse = coarse;
    this.hold = samples && holds(samples, intervalAfter(happened), stepsOf(happened.events));
  }

  /** Whether it goes on. */
  get isOpen() {
    return this.counted[1] < this.span[1];
  }

  /** How wide rows are, 0 of samples. */
  get rowMs() {
    return this.coarse?.widthMs ?? 0;
  }

  /** Figures of a part of the day. @param {Span} span */
  figures([from, to]) {
    const { machine, samples, coarse, happened } = this;
    const found = samples
      ? figuresOfSamples(samples, happened, machine, from, to)
      : figuresOfRows(/** @type {Rows} */ (coarse?.rows), this.rowMs, machine, from, to, happened.intervalMs);
    return { ...found, isOpen: this.isOpen && to === this.counted[1] };
  }

  /** For how long in a part of the day the power was above so many watts, in ms. @param {Span} span @param {number} watts */
  above([from, to], watts) {
    if (this.samples && this.hold) return timeAbove(this.samples, this.hold, from, to, watts);
    if (!this.coarse) return 0;
    // As the figures: of whole rows.
    const { rowMs } = this;
    return timeAboveOfRows(this.coarse.rows, Math.floor(from / rowMs) * rowMs, Math.ceil(to / rowMs) * rowMs, watts);
  }

  /** The hours that have begun. @returns {Part[]} */
  hours() {
    const [from, to] = this.counted;
    if (this.coarse) return partsOfRows(this.coarse.rows, this.#edges([from, to]));
    const { samples, hold } = this;
    if (!samples || !hold) return [];
    return parts(samples, hold, this.#edges([from, to])).map((each) => ({
      from: each.from,
      to: each.to,
      energyMsW: Math.round(each.energyWh * HOUR),
      coveredMs: each.coveredMs,
      spanMs: each.spanMs,
      low: each.minimum?.watts ?? null,
      high: each.peak?.watts ?? null,
    }));
  }

  /** What a chart draws of a window. @param {Span} window @param {number} pixels */
  line(window, pixels) {
    return this.coarse
      ? lineOfRows(this.coarse.rows, this.rowMs, window, pixels)
      : lineOfSamples(/** @type {Samples} */ (this.samples), intervalAfter(this.happened), window, pixels);
  }

  /** Hourly rows have UTC's hours, whatever the zone's clocks show. */
  #edges(/** @type {Span} */ [from, to]) {
    if (this.rowMs !== HOUR) return hoursOfDay(from, to, this.machine.zone);
    const first = Math.floor(from / HOUR) * HOUR;
    return Array.from({ length: Math.ceil((to - first) / HOUR) + 1 }, (_, i) => first + i * HOUR);
  }
}

/**
 * Read a day; what could not be had is in the history's `errors`.
 * @param {Machine} machine @param {MachineHistory} history @param {string} day @param {number} now
 */
export async function readDay(machine, history, day, now) {
  const span = spanOfDay(day, machine.zone);
  const [from, to] = span;
  const level = await finestLevel(history, from, to);
  if (level === "samples") {
    const [samples, happened] = await Promise.all([history.samples(from, to), history.events(from, to)]);
    const last = samples.at[samples.at.length - 1] ?? from;
    return new DayOfMachine(machine, span, passed(span, now, last, machine.intervalMs), happened, samples, null);
  }
  const widthMs = ROW_MS[level];
  const [rows, happened] = await Promise.all([history.rows(level, from, to), history.events(from, to)]);
  return new DayOfMachine(machine, span, passed(span, now, from, 0), happened, null, { rows, widthMs });
}

/** What of a day counts: until now, or until the last sample while the next one is not yet due. */
function passed(
  /** @type {Span} */ [from, to],
  /** @type {number} */ now,
  /** @type {number} */ last,
  /** @type {number} */ intervalMs,
) {
  const end = last > from && now - last <= LONGEST_HOLD * intervalMs ? Math.min(last, now) : now;
  return /** @type {Span} */ ([from, Math.max(Math.min(to, end), from)]);
}

/**
 * What a machine drew in a span of whole five minutes, null where there are no rows of it.
 * @param {MachineHistory} history @param {number} from @param {number} to
 */
export async function sumOfRows(history, from, to) {
  const [sum] = partsOfRows(await history.rows("five-minutes", from, to), [from, to]);
  return sum.coveredMs > 0 ? sum : null;
}
