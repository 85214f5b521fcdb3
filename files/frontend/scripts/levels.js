/** Which published data to draw: the finest whose points the eye could tell apart, of what there is. */

import { isIn } from "./published/fleet.js";
import { addDays, dayOf, HOUR, nextMonth, startOfDay } from "./time.js";

const DAY = 24 * HOUR;
/** Rows narrower than this are not told apart, and coarser ones show the same picture: minimum and maximum stay. */
const LEAST_PIXELS = 0.35;
/** Beyond, samples are too many to fetch for a picture; five-minute rows keep every peak. */
const MOST_DAYS_OF_SAMPLES = 3;

/**
 * @typedef {import("./published/fleet.js").Machine} Machine
 * @typedef {Pick<import("./published/history.js").MachineHistory, "machine" | "rows">} MachineHistory
 * @typedef {"samples" | "five-minutes" | "hours" | "days"} Level
 */

/** @type {{ level: Exclude<Level, "samples">, ms: number }[]} */
const ROWS = [
  { level: "five-minutes", ms: HOUR / 12 },
  { level: "hours", ms: HOUR },
  { level: "days", ms: DAY },
];

/**
 * The level to draw a span with, on so many pixels.
 * @param {Machine} machine @param {number} from @param {number} to @param {number} pixels @returns {Level}
 */
export function levelFor(machine, from, to, pixels) {
  const finest = availableLevel(machine, from, to);
  if (finest === "samples" && to - from <= MOST_DAYS_OF_SAMPLES * DAY) return "samples";
  const least = finest === "samples" ? finestRows(machine, from, to) : finest;
  const fit = ROWS.filter(({ level }) => order(level) >= order(least));
  const wide = fit.find(({ ms }) => (ms / (to - from)) * pixels >= LEAST_PIXELS) ?? fit[fit.length - 1];
  return wide?.level ?? "samples";
}

/**
 * The level to draw a span with, where rows are asked whether there was anything before the first published day.
 * @param {MachineHistory} history @param {number} from @param {number} to @param {number} pixels @returns {Promise<Level>}
 */
export async function drawnLevel(history, from, to, pixels) {
  const level = levelFor(history.machine, from, to, pixels);
  if (level === "samples" || to - from > MOST_DAYS_OF_SAMPLES * DAY) return level;
  return (await finestLevel(history, from, to)) === "samples" ? "samples" : level;
}

/**
 * The finest level of which all that there was in a span is published. Of days before the first published one, rows tell
 * whether there was anything: a machine may be new.
 * @param {MachineHistory} history @param {number} from @param {number} to @returns {Promise<"samples" | "five-minutes" | "hours">}
 */
export async function finestLevel(history, from, to) {
  const { machine } = history;
  const level = availableLevel(machine, from, to);
  if (level === "samples" || machine.days.length === 0) return level;
  const rows = await history.rows(level, from, Math.min(to, startOfDay(machine.days[0][0], machine.zone)));
  return rows.samples.some((count) => count > 0) ? level : "samples";
}

/** The finest level of which a whole span may be published; samples where nothing is known of any rows. */
function availableLevel(/** @type {Machine} */ machine, /** @type {number} */ from, /** @type {number} */ to) {
  const [first, last] = [dayOf(from, machine.zone), dayOf(Math.max(from, to - 1), machine.zone)];
  if (machine.months.length === 0 || !isUnpublished(machine, first, last)) return "samples";
  return finestRows(machine, from, to);
}

/**
 * Five minutes, or hours where a month of a span has no rows of five minutes though its year has rows. The newest month may
 * only have begun.
 * @param {Machine} machine @param {number} from @param {number} to @returns {"five-minutes" | "hours"}
 */
export function finestRows({ months, years, zone }, from, to) {
  const [first, last] = [from, Math.max(from, to - 1)].map((at) => dayOf(at, zone).slice(0, 7));
  const newest = months.at(-1)?.[1] ?? "";
  for (let month = first; month <= last && month <= newest; month = nextMonth(month)) {
    if (!isIn(months, month) && isIn(years, month.slice(0, 4))) return "hours";
  }
  return "five-minutes";
}

/**
 * Whether a day before the first published one is wanted, of which there are rows: its samples were published and are
 * not any more. A day in between that has no file had no samples.
 */
function isUnpublished(/** @type {Machine} */ machine, /** @type {string} */ first, /** @type {string} */ last) {
  const oldest = machine.days[0]?.[0] ?? "9999-12-31";
  const until = last < oldest ? last : addDays(oldest, -1);
  const rowsSince = machine.months[0][0];
  return first < oldest && until.slice(0, 7) >= rowsSince;
}

const order = (/** @type {Level} */ level) => ["samples", "five-minutes", "hours", "days"].indexOf(level);
