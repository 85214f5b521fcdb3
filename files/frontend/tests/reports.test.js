import assert from "node:assert/strict";
import { test } from "node:test";
import { daysOf } from "../scripts/published/days.js";
import { daysBetween, difference, energyWh, lengthOfDay, meanW, together, totalOf } from "../scripts/reports/days.js";
import { hoursOfDay, partsOfRows, timeAbove, timeAboveOfRows } from "../scripts/reports/hours.js";
import {
  addMonths,
  dayByKey,
  firstWeekday,
  monthsOf,
  weekdayNames,
  weeksOfMonth,
} from "../scripts/reports/month-grid.js";
import { boundsOf, colourOf, MOST_STEPS, roundAbove, stepOf } from "../scripts/reports/steps.js";
import { addDays, clock, HOUR, spanOfDay } from "../scripts/time.js";

const S = 1000;

/** Rows as a file's, of `[at, mean watts, covered ms]`. @param {number[][]} all */
function rows(all) {
  const column = (/** @type {(row: number[]) => number} */ of) => Float64Array.from(all, of);
  return {
    at: column(([at]) => at),
    energyMsW: column(([, watts, covered]) => watts * covered),
    coveredMs: column(([, , covered]) => covered),
    low: column(([, watts]) => watts - 10),
    high: column(([, watts]) => watts + 10),
    samples: column(([, , covered]) => covered / 10_000),
  };
}

const day = (/** @type {string} */ name, watts = 100, covered = 24 * HOUR) => ({
  day: name,
  energyMsW: watts * covered,
  coveredMs: covered,
  spanMs: 24 * HOUR,
  low: watts - 10,
  high: watts + 10,
  samples: covered / 10_000,
  isOpen: false,
});

test("time above a threshold is weighted by how long samples hold, cut to the span, and equal is not above", () => {
  const samples = { at: [0, 10 * S, 20 * S, 80 * S], watts: [300, 200, 201, 500] };
  const hold = [10 * S, 10 * S, 30 * S, 0];
  assert.equal(timeAbove(samples, hold, 0, 90 * S, 200), 40 * S);
  assert.equal(timeAbove(samples, hold, 5 * S, 35 * S, 200), 20 * S);
  assert.equal(timeAbove(samples, hold, 0, 90 * S, 500), 0);
  assert.equal(timeAbove(samples, hold, 0, 90 * S, -1), 50 * S);
});

test("time above is never longer than what is covered, whatever the span", () => {
  const at = Array.from({ length: 200 }, (_, i) => i * 9_000 + (i % 5) * 900);
  const watts = at.map((_, i) => (i * 37) % 101);
  const hold = at.map((_, i) => Math.min((at[i + 1] ?? at[i]) - at[i], 30_000));
  for (let i = 0; i < 50; i++) {
    const [from, to] = [i * 7_001, i * 7_001 + 400_000 + i * 13];
    const covered = timeAbove({ at, watts }, hold, from, to, -1);
    const above = timeAbove({ at, watts }, hold, from, to, 50);
    assert.ok(above >= 0 && above <= covered && covered <= to - from);
  }
});

test("of rows, those above by their mean count for what they cover", () => {
  const found = rows([
    [0, 100, 300 * S],
    [300 * S, 300, 200 * S],
    [600 * S, 300, 300 * S],
  ]);
  assert.equal(timeAboveOfRows(found, 0, 600 * S, 200), 200 * S);
  assert.equal(timeAboveOfRows(found, 0, 900 * S, 200), 500 * S);
});

for (const [zone, date, hours] of /** @type {[string, string, number][]} */ ([
  ["Europe/Berlin", "2026-10-25", 25],
  ["Europe/Berlin", "2026-03-29", 23],
  ["Europe/Berlin", "2026-11-24", 24],
  ["Asia/Kolkata", "2026-11-24", 24],
  ["Asia/Kathmandu", "2026-11-24", 24],
  ["America/Santiago", "2026-09-06", 23],
  ["America/St_Johns", "2026-11-01", 25],
])) {
  test(`${date} has ${hours} hours in ${zone}, each from whole hour to whole hour of its clocks`, () => {
    const [from, to] = spanOfDay(date, zone);
    const edges = hoursOfDay(from, to, zone);
    assert.equal(edges.length, hours + 1);
    assert.equal(lengthOfDay(date, zone), hours * HOUR);
    assert.equal(to - from, hours * HOUR);
    for (const [i, edge] of edges.entries()) {
      assert.ok(clock(edge, zone, false).endsWith(":00"));
      if (i > 0) assert.equal(edge - edges[i - 1], HOUR);
    }
  });
}

test("where clocks change by half an hour, an hour begins at the change", () => {
  const [from, to] = spanOfDay("2026-10-04", "Australia/Lord_Howe");
  const labels = hoursOfDay(from, to, "Australia/Lord_Howe").map((at) => clock(at, "Australia/Lord_Howe", false));
  assert.equal(to - from, 23.5 * HOUR);
  assert.deepEqual(labels.slice(0, 5), ["00:00", "01:00", "02:30", "03:00", "04:00"]);
});

test("rows are summed where they begin, and a part without rows has no least and greatest", () => {
  const found = partsOfRows(
    rows([
      [0, 100, 300 * S],
      [300 * S, 200, 300 * S],
      [900 * S, 300, 100 * S],
    ]),
    [0, 600 * S, 900 * S, 1200 * S],
  );
  assert.deepEqual(
    found.map(({ energyMsW, coveredMs, low, high }) => [energyMsW, coveredMs, low, high]),
    [
      [300 * 300 * S, 600 * S, 90, 210],
      [0, 0, null, null],
      [300 * 100 * S, 100 * S, 290, 310],
    ],
  );
});

test("days are dated as their file says and as long as the zone has them", () => {
  const found = daysOf(rows([[Date.parse("2026-10-25T00:00:00Z"), 100, 25 * HOUR]]), "Europe/Berlin");
  assert.equal(found.get("2026-10-25")?.spanMs, 25 * HOUR);
});

test("a total sums integers, keeps the first of equal peaks, and knows what has no readings", () => {
  const days = new Map(
    [day("2026-11-01"), day("2026-11-02", 200), day("2026-11-04", 200)].map((each) => [each.day, each]),
  );
  const total = totalOf(daysBetween(days, "2026-11-01", "2026-12-01"), 96 * HOUR);
  assert.deepEqual(
    [total.days, energyWh(total), total.high, total.highDay, total.low, total.first],
    [3, 12_000, 210, "2026-11-02", 90, "2026-11-01"],
  );
  assert.equal(meanW(total), 500 / 3);
  assert.equal(meanW(totalOf([], HOUR)), null);
});

test("machines together: sums of energy, spans of those that had begun, and no peak", () => {
  const one = new Map([day("2026-11-01"), day("2026-11-02")].map((each) => [each.day, each]));
  const other = new Map([["2026-11-02", day("2026-11-02", 300, 12 * HOUR)]]);
  const sums = together([one, other]);
  const [first, second] = [sums.get("2026-11-01"), sums.get("2026-11-02")];
  assert.deepEqual([first?.spanMs, second?.spanMs], [24 * HOUR, 48 * HOUR]);
  assert.equal(second && energyWh(second), 100 * 24 + 300 * 12);
  assert.equal(second?.high, null);
  assert.equal(one.get("2026-11-02")?.energyMsW, 100 * 24 * HOUR);
});

test("a difference is the first less the other, and says nothing where one has nothing", () => {
  assert.deepEqual(difference(day("2026-11-02", 150), day("2026-11-01", 100)), {
    share: 0.5,
    energyWh: 1200,
    meanW: 50,
    high: 50,
  });
  const nothing = { energyMsW: 0, coveredMs: 0, high: null };
  assert.deepEqual(difference(day("2026-11-02"), nothing), { share: null, energyWh: 2400, meanW: null, high: null });
});

test("every day of a leap year and of another is in its month's weeks once, under its weekday", () => {
  for (const [year, length] of /** @type {[string, number][]} */ ([
    ["2028", 366],
    ["2026", 365],
    ["1900", 365],
  ])) {
    for (const first of [1, 6, 7]) {
      const weeks = monthsOf(year).flatMap((month) => weeksOfMonth(month, first));
      const days = weeks.flat().filter((each) => each !== null);
      assert.equal(days.length, length);
      for (let day = `${year}-01-01`, i = 0; i < length; day = addDays(day, 1), i++) assert.equal(days[i], day);
      for (const week of weeks) {
        assert.equal(week.length, 7);
        week.forEach((each, i) => {
          if (each) assert.equal((new Date(`${each}T00:00:00Z`).getUTCDay() + 7 - (first % 7)) % 7, i);
        });
      }
    }
  }
});

test("weeks begin as the locale has it", () => {
  assert.deepEqual(["en-GB", "de", "pt-BR", "en-US", "ar-EG"].map(firstWeekday), [1, 1, 7, 7, 6]);
  assert.deepEqual(weekdayNames("en-GB", 1, "short"), ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]);
  assert.equal(weekdayNames("pt-BR", 7, "long")[0], "domingo");
});

test("months go over the ends of years", () => {
  assert.deepEqual(
    [addMonths("2026-12", 1), addMonths("2026-01", -1), addMonths("2026-03", -14)],
    ["2027-01", "2025-12", "2025-01"],
  );
});

test("arrow keys lead to days that are there, over those that are not", () => {
  const days = ["2026-10-20", "2026-10-30", "2026-11-03", "2026-11-13"];
  const from = (/** @type {string} */ at, /** @type {string} */ key) => dayByKey(days, at, key);
  assert.equal(from("2026-10-30", "ArrowRight"), "2026-11-03");
  assert.equal(from("2026-11-03", "ArrowLeft"), "2026-10-30");
  assert.equal(from("2026-10-30", "ArrowDown"), "2026-11-13");
  assert.equal(from("2026-11-13", "ArrowUp"), "2026-10-30");
  assert.equal(from("2026-10-20", "ArrowLeft"), null);
  assert.equal(from("2026-11-13", "Home"), "2026-10-20");
  assert.equal(from("2026-10-20", "End"), "2026-11-13");
  assert.equal(from("2026-10-30", "PageDown"), "2026-11-13");
  assert.equal(from("2026-11-03", "PageUp"), "2026-10-20");
  assert.equal(from("2026-11-03", "PageDown"), null);
  assert.equal(from("2026-11-03", "x"), null);
});

test("bounds of steps are round, few, and within the values", () => {
  for (const [low, high] of [
    [9.1, 11.4],
    [0, 0.3],
    [0.012, 0.0131],
    [100, 2500],
    [9.99, 10.01],
  ]) {
    const values = Array.from({ length: 365 }, (_, i) => low + ((high - low) * ((i * 97) % 365)) / 364);
    const bounds = boundsOf(values);
    assert.ok(bounds.length >= 2 && bounds.length < MOST_STEPS, `${bounds}`);
    assert.ok(
      bounds.every((bound, i) => String(bound).length <= 6 && (i === 0 || bound > bounds[i - 1])),
      `${bounds}`,
    );
    assert.ok(bounds[0] >= low && bounds[bounds.length - 1] <= high);
    const steps = new Set(values.map((value) => stepOf(bounds, value)));
    assert.equal(steps.size, bounds.length + 1);
  }
  assert.deepEqual(boundsOf([]), []);
  assert.deepEqual(boundsOf([5, 5, 5]), []);
});

test("one day out of the ordinary does not take the colours from the others", () => {
  const values = [...Array.from({ length: 99 }, (_, i) => 9 + i / 50), 400];
  assert.ok(boundsOf(values).every((bound) => bound < 12));
});

test("few steps are spread over the ramp of colours", () => {
  assert.deepEqual(
    [0, 1, 2].map((step) => colourOf(step, 3)),
    [1, 4, 6],
  );
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5].map((step) => colourOf(step, 6)),
    [1, 2, 3, 4, 5, 6],
  );
  assert.equal(colourOf(0, 1), 3);
});

test("the top of an axis is round and not below", () => {
  for (const value of [0.3, 1, 9.99, 10, 10.1, 123, 8000.5]) {
    const top = roundAbove(value);
    assert.ok(top >= value && top <= value * 1.5 && String(top).length <= 5, `${value}: ${top}`);
  }
  assert.equal(roundAbove(0), 1);
});
