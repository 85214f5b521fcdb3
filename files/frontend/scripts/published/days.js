/** A machine's `days.csv`, and the day so far from its collector's overview. */

import { lengthOfDay } from "../reports/days.js";
import { dayOf, isDay, startOfDay } from "../time.js";
import { FileError, serverNow } from "./fetching.js";
import { fileOf } from "./fleet.js";
import { readFile } from "./follow.js";
import { RowsReader } from "./rows.js";

/** @typedef {import("../reports/days.js").Day} Day */

/**
 * The days of a machine that are over, by their dates; throws FileError. A machine that is new has no file of them yet,
 * and a collector of an earlier version writes none: `isMissing`.
 * @param {import("./fleet.js").Machine} machine
 * @returns {Promise<import("./history.js").Damaged & { days: Map<string, Day>, isMissing: boolean }>} `bad` is 0 where the
 *   whole file could be read
 */
export async function loadDays(machine) {
  const reader = new RowsReader("day");
  const url = fileOf(machine, "days.csv");
  const nothing = { url, days: new Map(), isMissing: true, bad: 0, firstBad: null, count: 0 };
  if (!hasPastDay(machine, dayOf(serverNow(), machine.zone))) return nothing;
  try {
    await readFile(url, reader);
  } catch (error) {
    if (error instanceof FileError && error.kind === "missing") return nothing;
    throw error;
  }
  reader.close();
  const { bad, firstBad, count } = reader;
  return { url, days: daysOf(reader.rows, machine.zone), isMissing: false, bad, firstBad, count };
}

/** Whether a day of it may be over that has rows of hours; else asking for rows of days would be for nothing. */
function hasPastDay(/** @type {import("./fleet.js").Machine} */ machine, /** @type {string} */ today) {
  if (machine.years.length === 0) return false;
  return [machine.days, machine.months, machine.years].some(
    ([first]) => first && first[0] < today.slice(0, first[0].length),
  );
}

/** Rows of days by their dates. @param {import("./rows.js").Rows} rows @param {string} zone @returns {Map<string, Day>} */
export function daysOf({ at, energyMsW, coveredMs, low, high, samples }, zone) {
  /** @type {Map<string, Day>} */
  const days = new Map();
  for (let i = 0; i < at.length; i++) {
    const day = new Date(at[i]).toISOString().slice(0, 10);
    days.set(day, {
      day,
      energyMsW: energyMsW[i],
      coveredMs: coveredMs[i],
      spanMs: lengthOfDay(day, zone),
      low: low[i],
      high: high[i],
      samples: samples[i],
      isOpen: false,
    });
  }
  return days;
}

/**
 * The day that an overview counts so far, null where it says nothing of the machine. Whether it is over, the clock says:
 * an overview that was not written since then knows only a part of it. What of it has passed is that until it was written.
 * @param {import("./overview.js").Overview} overview @param {import("./fleet.js").Machine} machine @param {number} now
 * @returns {Day | null}
 */
export function dayOfOverview({ day, machines, writtenAt }, machine, now) {
  const today = machines.get(machine.name)?.today;
  if (!today || !isDay(day) || today.samples === 0) return null;
  const isOpen = dayOf(now, machine.zone) <= day;
  return {
    day,
    energyMsW: Math.round(today.energyWh * 3_600_000),
    coveredMs: today.coveredMs,
    spanMs: isOpen
      ? Math.max(Math.min(writtenAt || now, now) - startOfDay(day, machine.zone), 1)
      : lengthOfDay(day, machine.zone),
    low: today.low,
    high: today.high,
    samples: today.samples,
    isOpen,
  };
}
