/** What is read of a machine for its chart, and the picture of any window of it. */

import { lineOfRows, lineOfSamples } from "../chart/lines.js";
import { intervalAfter, stepsOf } from "../happenings.js";
import { drawnLevel } from "../levels.js";
import { ROW_MS } from "../published/history.js";

/**
 * @typedef {[number, number]} Span
 * @typedef {import("../levels.js").Level} Level
 * @typedef {import("../published/history.js").MachineHistory} MachineHistory
 * @typedef {{ level: Level, samples: import("../published/history.js").Samples | null,
 *   rows: import("../published/rows.js").Rows | null, happened: import("../published/history.js").Events }} Read
 */

/** @param {MachineHistory} history @param {Span} window @param {number} pixels @returns {Promise<Read>} */
export async function read(history, [from, to], pixels) {
  const level = await drawnLevel(history, from, to, pixels);
  const events = history.events(from, to);
  if (level === "samples") {
    return { level, samples: await history.samples(from, to), rows: null, happened: await events };
  }
  return { ...(await rowsOf(history, level, from, to)), samples: null, happened: await events };
}

/**
 * Rows of a level, or of hours where a collector of an earlier version publishes none a day.
 * @param {MachineHistory} history @param {import("../published/history.js").RowLevel} level @param {number} from @param {number} to
 */
export async function rowsOf(history, level, from, to) {
  const rows = await history.rows(level, from, to);
  if (level !== "days" || rows.at.length > 0 || history.machine.years.length === 0) return { level, rows };
  return { level: /** @type {const} */ ("hours"), rows: await history.rows("hours", from, to) };
}

/** Whether there is anything to draw in a window. @param {Read} found @param {Span} window */
export function hasAny({ level, samples, rows }, [from, to]) {
  const { at } = samples ?? rows ?? { at: [] };
  const width = level === "samples" ? 0 : ROW_MS[level];
  for (let i = at.length - 1; i >= 0; i--) if (at[i] < to && at[i] + width >= from) return true;
  return false;
}

/** The last moment of which a sample is known. @param {Read} found */
export function lastSample({ samples }) {
  return samples && samples.at.length > 0 ? samples.at[samples.at.length - 1] : undefined;
}

/**
 * @param {Read} found @param {Span} window @param {number} pixels
 * @param {{ title: string, zone: string }} shown @returns {import("../chart/chart.js").Picture}
 */
export function pictureOf(found, window, pixels, { title, zone }) {
  const { level, samples, rows, happened } = found;
  const { events } = happened;
  const drawn =
    level === "samples"
      ? lineOfSamples(samples ?? { at: [], watts: [] }, intervalAfter(happened), window, pixels)
      : lineOfRows(/** @type {NonNullable<typeof rows>} */ (rows), ROW_MS[level], window, pixels);
  return {
    title,
    window,
    zone,
    lines: [{ title, colour: 1, ...drawn }],
    stacked: false,
    holes: events.filter(({ kind }) => kind === "outage"),
    caps: events
      .filter(({ kind, value }) => kind === "cap" && value !== null)
      .map(({ begin, end, value }) => ({ from: begin, to: end ?? nextCap(events, begin), watts: Number(value) })),
    markers: events
      .filter(({ kind }) => kind === "marker")
      .map(({ begin, end, detail, reason }) => ({ begin, end: end === begin ? null : end, text: detail || reason })),
  };
}

/** A cap without an end holds until the next word about one. */
function nextCap(/** @type {import("../published/fleet.js").Happening[]} */ events, /** @type {number} */ begin) {
  return events.find((each) => each.kind === "cap" && each.begin > begin)?.begin ?? null;
}

/** Steps of the clock that a picture of samples shows. @param {Read} found @param {Span} window */
export function clockSteps({ happened }, [from, to]) {
  return stepsOf(happened.events).filter(({ begin, end }) => Math.max(begin, end) >= from && Math.min(begin, end) < to);
}
