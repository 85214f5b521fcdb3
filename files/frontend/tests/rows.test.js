import assert from "node:assert/strict";
import { test } from "node:test";
import { RowsReader } from "../scripts/published/rows.js";

const bytes = (/** @type {string} */ text) => new TextEncoder().encode(text);
const MONTH = `timestamp,mean_w,min_w,max_w,energy_wh,covered_s,samples
2026-11-24T01:50:00.000Z,436.217,421,842,36.351416667,300.000,30
2026-11-24T01:55:00.000Z,,421,421,0.000000000,0.000,1
`;

test("a row's numbers come back whole: ms·W, ms, watts", () => {
  const reader = new RowsReader();
  reader.feed(bytes(MONTH));
  const { at, energyMsW, coveredMs, low, high, samples } = reader.rows;
  assert.deepEqual([...at], [Date.parse("2026-11-24T01:50:00Z"), Date.parse("2026-11-24T01:55:00Z")]);
  assert.deepEqual([...energyMsW], [130_865_100, 0]);
  assert.deepEqual([...coveredMs], [300_000, 0]);
  assert.deepEqual(
    [[...low], [...high], [...samples]],
    [
      [421, 421],
      [842, 421],
      [30, 1],
    ],
  );
  assert.equal(reader.bad, 0);
});

test("days are read by their dates", () => {
  const reader = new RowsReader("day");
  reader.feed(
    bytes("day,mean_w,min_w,max_w,energy_wh,covered_s,samples\n2026-11-24,436.217,421,842,36.351416667,300.000,30\n"),
  );
  assert.deepEqual([[...reader.rows.at], reader.bad], [[Date.parse("2026-11-24T00:00:00Z")], 0]);
});

for (const row of [
  "2026-11-24T01:50:00.000Z,1,2,3,4,5",
  "2026-11-24T01:50:00.000Z,1,2,3,4,5,6,7",
  "2026-11-24T01:50:00.000Z,1,2,3,-4,5,6",
  "2026-11-24T01:50:00.000Z,1,2,3,4e9,5,6",
  "2026-13-24T01:50:00.000Z,1,2,3,4,5,6",
  "2026-11-24T01:50:00.000Z,1,,3,4,5,6",
]) {
  test(`not a row, so left out and counted: ${row}`, () => {
    const reader = new RowsReader();
    reader.feed(bytes(`${MONTH}${row}\n`));
    assert.deepEqual([reader.count, reader.bad], [2, 1]);
  });
}
