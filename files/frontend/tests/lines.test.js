import assert from "node:assert/strict";
import { test } from "node:test";
import { lineOfRows, lineOfSamples } from "../scripts/chart/lines.js";
import { merged, sums } from "../scripts/chart/merging.js";
import { intervalAfter } from "../scripts/happenings.js";

const S = 1000;
const every10 = () => 10 * S;

/** Samples every second with a pattern that no bucket shows twice. @param {number} n */
function second(n) {
  const at = Float64Array.from({ length: n }, (_, i) => i * S);
  return { at, watts: at.map((_, i) => 300 + ((i * 7919) % 97)) };
}

test("single samples are drawn as they are, with an empty point where one has held for three intervals", () => {
  const samples = { at: [0, 10 * S, 60 * S, 70 * S], watts: [1, 2, 3, 4] };
  const line = lineOfSamples(samples, every10, [0, 80 * S], 1000);
  assert.deepEqual(
    [[...line.at], line.mean],
    [
      [0, 10 * S, 40 * S, 60 * S, 70 * S],
      [1, 2, null, 3, 4],
    ],
  );
  assert.deepEqual([line.low, line.high, line.isStep], [null, null, true]);
});

test("a change of the interval changes from then on what is a hole", () => {
  const samples = { at: [0, 10 * S, 60 * S, 110 * S], watts: [1, 2, 3, 4] };
  const change = { kind: "interval", begin: 10 * S, end: 10 * S, reason: "", detail: "", value: 50 * S };
  const intervalAt = intervalAfter({ intervalMs: 10 * S, events: [change] });
  assert.deepEqual(lineOfSamples(samples, intervalAt, [0, 120 * S], 1000).mean, [1, 2, 3, 4]);
});

test("after a step back of the clock, samples are drawn by their times and none is dropped", () => {
  const samples = { at: [0, 10, 20, 5, 15, 25].map((s) => s * S), watts: [1, 2, 3, 4, 5, 6] };
  const line = lineOfSamples(samples, every10, [0, 30 * S], 1000);
  assert.deepEqual(line.mean, [1, 4, 2, 5, 3, 6]);
});

test("of a window, what holds into it and the sample after it are drawn, and no more", () => {
  const samples = second(1000);
  const line = lineOfSamples(samples, every10, [100.5 * S, 110.5 * S], 1000);
  assert.deepEqual([line.at[0], line.at.at(-1)], [100 * S, 111 * S]);
});

for (const pixels of [50, 333, 1000]) {
  test(`86,400 samples on ${pixels} pixels: few points, and every minimum, peak and mean`, () => {
    const samples = second(86_400);
    samples.watts[43_211] = 842;
    samples.watts[12_345] = 3;
    const line = lineOfSamples(samples, () => S, [0, 86_400 * S], pixels);
    assert.ok(line.at.length <= pixels + 2);
    const { low, high } = line;
    assert.ok(low && high);
    assert.equal(Math.max(...high.map(Number)), 842);
    assert.equal(Math.min(...low.map(Number)), 3);
    const width = 86_400_000 / pixels;
    // The mean of each pixel, weighted by how long it is, is the mean of all.
    const all = samples.watts.subarray(0, 86_399).reduce((sum, watts) => sum + watts, 0) / 86_399;
    const drawn = line.mean.reduce((/** @type {number} */ sum, value) => sum + Number(value), 0) / line.mean.length;
    assert.ok(Math.abs(all - drawn) < 0.5, `${all} ${drawn}`);
    const k = Math.floor(43_211_000 / width);
    assert.equal(high[k], 842);
  });
}

test("the mean of a pixel is weighted by the time that samples hold", () => {
  // 100 W for 90 s, then 1000 W for 10 s, over and over.
  const at = [];
  const watts = [];
  for (let i = 0; i < 200; i++) {
    at.push(i * 100 * S, i * 100 * S + 90 * S);
    watts.push(100, 1000);
  }
  const line = lineOfSamples({ at, watts }, () => 60 * S, [0, 20_000 * S], 100);
  for (const value of line.mean.slice(1, -1)) assert.ok(Math.abs(Number(value) - 190) < 1e-6, String(value));
});

test("a hole as wide as a pixel stays a hole, and one that is narrower does not cut the line", () => {
  const samples = second(10_000);
  const without = (/** @type {number} */ from, /** @type {number} */ to) => ({
    at: samples.at.filter((at) => at < from || at >= to),
    watts: samples.watts.filter((_, i) => samples.at[i] < from || samples.at[i] >= to),
  });
  const pixel = 20 * S;
  const holes = (/** @type {{ mean: (number | null)[] }} */ { mean }) => mean.filter((value) => value === null).length;
  const draw = (/** @type {any} */ some) => lineOfSamples(some, () => S, [0, 10_000 * S], 500);
  // Wherever it begins: three seconds of it are still covered.
  for (let begin = 4000; begin < 4020; begin++) {
    const wide = draw(without(begin * S, begin * S + pixel + 2 * S));
    assert.equal(holes(wide), 1, `from ${begin}`);
    assert.equal(wide.at[wide.mean.indexOf(null)], (begin - 1) * S + 3 * S);
    assert.equal(holes(draw(without(begin * S, begin * S + pixel / 2))), 0);
  }
});

test("a window that moves with the clock shows the same pixels again", () => {
  const samples = second(86_400);
  const first = lineOfSamples(samples, () => S, [1_000_000, 81_000_000], 400);
  const later = lineOfSamples(samples, () => S, [1_005_000, 81_005_000], 400);
  assert.deepEqual([...first.at].slice(2, -3), [...later.at].slice(2, -3));
  assert.deepEqual(first.mean.slice(2, -3), later.mean.slice(2, -3));
});

test("no samples, nothing drawn", () => {
  assert.deepEqual([...lineOfSamples({ at: [], watts: [] }, every10, [0, 1000], 100).at], []);
});

const ROW = 300 * S;
/** @param {number[]} starts in rows @param {number} [coveredMs] */
function rowsAt(starts, coveredMs = ROW) {
  const column = (/** @type {(i: number) => number} */ of) => Float64Array.from(starts, (_, i) => of(i));
  return {
    at: Float64Array.from(starts, (k) => k * ROW),
    energyMsW: column((i) => (200 + i) * coveredMs),
    coveredMs: column(() => coveredMs),
    low: column((i) => 100 + i),
    high: column((i) => (i === 7 ? 842 : 300 + i)),
    samples: column(() => 30),
  };
}

test("rows are steps of their width, with the mean of their covered time, and a row that is missing is a hole", () => {
  const line = lineOfRows(rowsAt([0, 1, 3], ROW / 2), ROW, [0, 5 * ROW], 1000);
  assert.deepEqual([...line.at], [0, ROW, 2 * ROW, 3 * ROW, 4 * ROW]);
  assert.deepEqual(line.mean, [200, 201, null, 202, null]);
  assert.deepEqual(line.low, [100, 101, null, 102, null]);
  assert.deepEqual(line.high, [300, 301, null, 302, null]);
  assert.ok(line.isStep);
});

test("of rows narrower than a pixel, minimum and peak stay", () => {
  const line = lineOfRows(rowsAt(Array.from({ length: 8640 }, (_, i) => i)), ROW, [0, 8640 * ROW], 300);
  assert.ok(line.at.length <= 302);
  assert.equal(line.high?.[0], 842);
  assert.equal(line.low?.[0], 100);
});

test("a row that covers nothing has no mean", () => {
  assert.deepEqual(lineOfRows(rowsAt([0, 1], 0), ROW, [0, 2 * ROW], 100).mean, [null, null, null]);
});

test("a day of 25 hours is no hole between rows of days", () => {
  const hour = 3_600_000;
  const rows = rowsAt([0, 1, 2]);
  rows.at = Float64Array.from([0, 25 * hour, 48 * hour]);
  assert.deepEqual(
    lineOfRows(rows, 24 * hour, [0, 72 * hour], 1000).mean.map((value) => value === null),
    [false, false, false, true],
  );
});

test("lines over the same moments go on with their last value; sums leave out what is not known", () => {
  const lines = [
    { at: [0, 10, 20], mean: [1, null, 3] },
    { at: [5, 20], mean: [10, null] },
  ];
  const { at, values } = merged(lines);
  assert.deepEqual(at, [0, 5, 10, 20]);
  assert.deepEqual(values, [
    [1, 1, null, 3],
    [null, 10, 10, null],
  ]);
  assert.deepEqual(sums(values), [
    [1, 1, 0, 3],
    [1, 11, 10, 3],
  ]);
  assert.deepEqual(sums([[null], [null]]), [[null], [null]]);
});
