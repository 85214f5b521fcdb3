import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { holds, parts, statistics } from "../scripts/energy.js";

const S = 1000;
const every = (/** @type {number} */ seconds) => () => seconds * S;

test("a sample holds until the next one, at most three intervals, and the last one holds nothing", () => {
  const samples = { at: [0, 10 * S, 20 * S, 80 * S, 90 * S], watts: [100, 200, 300, 400, 500] };
  const hold = holds(samples, every(10));
  assert.deepEqual([...hold], [10 * S, 10 * S, 30 * S, 10 * S, 0]);
  const found = statistics(samples, hold, 0, 90 * S);
  assert.equal(found.energyWh, (100 * 10 + 200 * 10 + 300 * 30 + 400 * 10) / 3600);
  assert.equal(found.coveredMs, 60 * S);
  assert.equal(found.coverage, 60 / 90);
  assert.equal(found.meanW, 16_000 / 60);
});

test("a span counts the part of a sample that holds into it, and no more", () => {
  const samples = { at: [0, 10 * S, 20 * S], watts: [100, 900, 200] };
  const found = statistics(samples, holds(samples, every(10)), 5 * S, 12 * S);
  assert.equal(found.coveredMs, 7 * S);
  assert.equal(found.energyWh, (100 * 5 + 900 * 2) / 3600);
  assert.deepEqual(found.peak, { at: 10 * S, watts: 900 });
  assert.deepEqual(found.minimum, { at: 5 * S, watts: 100 });
  assert.equal(found.count, 1);
});

test("parts of a span add up to the whole", () => {
  const samples = { at: [], watts: [] };
  for (let i = 0; i < 500; i++) {
    samples.at.push(i * 9700 + (i % 7) * 400);
    samples.watts.push(300 + ((i * 37) % 90));
  }
  const hold = holds(samples, every(10));
  const edges = [0, 1_000_001, 1_000_002, 2_345_678, 4_900_000];
  const sum = parts(samples, hold, edges).reduce((total, { energyWh }) => total + energyWh, 0);
  assert.ok(Math.abs(sum - statistics(samples, hold, 0, 4_900_000).energyWh) < 1e-9);
});

for (const [name, at, step] of /** @type {[string, number[], { begin: number, end: number, stepMs: number }][]} */ ([
  ["back by a minute", [0, 10, 20, -30, -20, -10, 0, 10], { begin: 25, end: -35, stepMs: -60 }],
  ["back by less than an interval", [0, 10, 20, 27, 37, 47, 57, 67], { begin: 25, end: 22, stepMs: -3 }],
  ["forward by an hour", [0, 10, 20, 3630, 3640, 3650, 3660, 3670], { begin: 25, end: 3625, stepMs: 3600 }],
])) {
  test(`a clock set ${name} changes neither energy nor coverage`, () => {
    const samples = { at: at.map((second) => second * S), watts: at.map(() => 360) };
    const steps = [{ begin: step.begin * S, end: step.end * S, stepMs: step.stepMs * S }];
    assert.deepEqual([...holds(samples, every(10), steps)], [...Array(7).fill(10 * S), 0]);
  });
}

test("without an event, a sample after which the clock went back holds nothing", () => {
  assert.deepEqual([...holds({ at: [60 * S, 0, 10 * S], watts: [1, 1, 1] }, every(10))], [0, 10 * S, 0]);
});

test("no samples: no energy, no mean, no peak, nothing covered", () => {
  const found = statistics({ at: [], watts: [] }, new Float64Array(), 0, 1000);
  assert.deepEqual([found.energyWh, found.meanW, found.peak, found.coverage], [0, null, null, 0]);
});

const REAL_DAY = process.env.POWERGRAPH_REAL_DAY ?? "../shared/data/power8-2017-07-23.csv";
test("the real day at its nominal 2 s", { skip: existsSync(REAL_DAY) ? false : `there is no ${REAL_DAY}` }, () => {
  const samples = { at: [], watts: [] };
  for (const [, time, watts] of readFileSync(REAL_DAY, "utf8").matchAll(/"([\d:]+)","(\d+)"/g)) {
    samples.at.push(Date.parse(`2017-07-23T${time.padStart(8, "0")}Z`));
    samples.watts.push(Number(watts));
  }
  const found = statistics(samples, holds(samples, every(2)), samples.at[0], samples.at[0] + 86_400 * S);
  assert.equal(found.energyWh.toFixed(2), "13227.41");
  assert.equal(found.coveredMs, 86_094 * S);
  assert.equal(found.peak?.watts, 842);
});
