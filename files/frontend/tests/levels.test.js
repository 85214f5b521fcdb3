/** Which published data are drawn and counted. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { drawnLevel, finestLevel, levelFor } from "../scripts/levels.js";
import { HOUR } from "../scripts/time.js";

const DAY = 24 * HOUR;
const at = (/** @type {string} */ date) => Date.parse(`${date}T00:00:00Z`);
const NOW = at("2026-11-24") + 12 * HOUR;
const PIXELS = 1000;

/** Published samples since a day, rows of months and years, and the days of which rows have samples. */
function history(/** @type {string} */ since, /** @type {string[]} */ daysOfRows = []) {
  const machine = /** @type {any} */ ({
    zone: "UTC",
    days: [[since, "2026-11-24"]],
    months: [["2026-01", "2026-11"]],
    years: [["2026", "2026"]],
  });
  /** @type {[string, number, number][]} */
  const asked = [];
  const rows = async (/** @type {string} */ level, /** @type {number} */ from, /** @type {number} */ to) => {
    asked.push([level, from, to]);
    const inSpan = daysOfRows.map(at).filter((day) => day < to && day + DAY > from);
    return /** @type {any} */ ({ at: Float64Array.from(inSpan), samples: Float64Array.from(inSpan, () => 8640) });
  };
  return { machine, rows, asked };
}

test("samples are drawn up to three days, then rows as wide as a pixel lets them be", () => {
  const { machine } = history("2026-01-01");
  const levels = [HOUR, DAY, 3 * DAY, 7 * DAY, 30 * DAY, 300 * DAY].map((ms) =>
    levelFor(machine, NOW - ms, NOW, PIXELS),
  );
  assert.deepEqual(levels, ["samples", "samples", "samples", "five-minutes", "hours", "days"]);
});

test("the more pixels, the finer", () => {
  const { machine } = history("2026-01-01");
  const finest = [100, 1000, 3000].map((pixels) => levelFor(machine, NOW - 4 * DAY, NOW, pixels));
  assert.deepEqual(finest, ["hours", "five-minutes", "five-minutes"]);
});

test("days whose samples are not published any more are counted by their rows", async () => {
  const known = history("2026-11-20", ["2026-11-18", "2026-11-19", "2026-11-20"]);
  assert.equal(await finestLevel(known, at("2026-11-19"), at("2026-11-21")), "five-minutes");
  assert.equal(await drawnLevel(known, at("2026-11-19"), at("2026-11-21"), PIXELS), "five-minutes");
  assert.equal(await finestLevel(known, at("2026-11-20"), at("2026-11-21")), "samples");
});

test("a machine that is new has samples of all that there was, also in a span that began before it", async () => {
  const fresh = history("2026-11-20", ["2026-11-20", "2026-11-21"]);
  assert.equal(await finestLevel(fresh, at("2026-11-17"), at("2026-11-24")), "samples");
  assert.equal(await drawnLevel(fresh, at("2026-11-19"), at("2026-11-21"), PIXELS), "samples");
  assert.deepEqual(fresh.asked[0], ["five-minutes", at("2026-11-17"), at("2026-11-20")]);
});

test("where a month has lost its rows of five minutes, hours are drawn, and nothing seems to be a hole", () => {
  const { machine } = history("2026-01-01");
  machine.months = [
    ["2026-01", "2026-08"],
    ["2026-10", "2026-11"],
  ];
  const level = (/** @type {string} */ from, /** @type {string} */ to) => levelFor(machine, at(from), at(to), 3000);
  assert.equal(level("2026-08-28", "2026-09-03"), "hours");
  assert.equal(level("2026-10-01", "2026-10-07"), "five-minutes");
});

test("a month that has only begun has no rows yet, and hides none", () => {
  const { machine } = history("2026-01-01");
  machine.months = [["2026-01", "2026-10"]];
  assert.equal(levelFor(machine, at("2026-10-29"), at("2026-11-02"), 3000), "five-minutes");
});
