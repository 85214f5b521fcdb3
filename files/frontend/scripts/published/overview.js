/** `overview.json` of every collector: the day so far and the last 24 hours of its machines. */

import { parseMoment } from "../time.js";
import { FileError, getJson, otherFormat } from "./fetching.js";
import { folderOf } from "./fleet.js";

const MOST_STEPS = 1000;
/** No figure of a machine or its day is as large; JSON can hold what no number can. */
const MOST = 1e9;

/**
 * @typedef {{ energyWh: number, coveredMs: number, low: number | null, high: number | null, samples: number }} Today
 * @typedef {{ today: Today | null, mean: (number | null)[], high: (number | null)[] }} Summary
 * @typedef {{
 *   writtenAt: number, day: string, dayFrom: number, from: number, stepMs: number, steps: number,
 *   machines: Map<string, Summary>
 * }} Overview `machines` by name
 */

/** @param {string} collector @returns {Promise<Overview>} throws FileError */
export async function loadOverview(collector) {
  const url = `${folderOf(collector)}/overview.json`;
  const found = await getJson(url);
  if (found.format !== 1) throw otherFormat(url, found.format);
  const from = parseMoment(found.from);
  const steps = Number(found.steps);
  if (
    from === null ||
    !(found.step_s > 0 && found.step_s < MOST) ||
    !(Number.isInteger(steps) && steps > 0 && steps <= MOST_STEPS)
  ) {
    throw new FileError("broken", url, "notices.no_time");
  }
  const watts = (/** @type {unknown} */ values) =>
    Array.from({ length: steps }, (_, i) => number(Array.isArray(values) ? values[i] : null));
  return {
    writtenAt: parseMoment(found.written_at) ?? 0,
    day: String(found.day),
    dayFrom: parseMoment(found.day_from) ?? from,
    from,
    stepMs: found.step_s * 1000,
    steps,
    machines: new Map(
      Object.entries(Object(found.bmcs)).map(([name, /** @type {any} */ each]) => [
        name,
        { today: todayOf(each?.today), mean: watts(each?.mean_w), high: watts(each?.max_w) },
      ]),
    ),
  };
}

/** @param {any} found @returns {Today | null} */
function todayOf(found) {
  const energyWh = number(found?.energy_wh);
  const coveredS = number(found?.covered_s);
  if (energyWh === null || coveredS === null) return null;
  return {
    energyWh,
    coveredMs: coveredS * 1000,
    low: number(found.min_w),
    high: number(found.max_w),
    samples: number(found.samples) ?? 0,
  };
}

const number = (/** @type {unknown} */ value) =>
  typeof value === "number" && value >= 0 && value < MOST ? value : null;
