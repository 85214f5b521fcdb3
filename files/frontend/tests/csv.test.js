import assert from "node:assert/strict";
import { test } from "node:test";
import { CsvReader } from "../site/scripts/published/csv.js";
import { seriesOf } from "../site/scripts/series.js";

const bytes = (/** @type {string} */ text) => new TextEncoder().encode(text);
const ROWS = "timestamp,consumption\n2026-11-24T01:50:09.123Z,436\n2026-11-24T01:50:19Z,432\n";
const AT = [Date.parse("2026-11-24T01:50:09.123Z"), Date.parse("2026-11-24T01:50:19Z")];

test("cut anywhere, a file reads the same", () => {
  const all = bytes(ROWS);
  for (let cut = 0; cut <= all.length; cut++) {
    const reader = new CsvReader();
    reader.feed(all.subarray(0, cut));
    assert.ok(reader.consumed <= cut);
    reader.feed(all.subarray(cut));
    assert.deepEqual([[...reader.at], [...reader.watts], reader.bad, reader.consumed], [AT, [436, 432], 0, all.length]);
    assert.equal(new TextDecoder().decode(reader.lastLine), "2026-11-24T01:50:19Z,432\n");
  }
});

test("the last partial line is held back until it is whole", () => {
  const reader = new CsvReader();
  reader.feed(bytes(`${ROWS}2026-11-24T01:50:29Z,4`));
  assert.equal(reader.watts.length, 2);
  reader.feed(bytes("40\n"));
  assert.equal(reader.watts[2], 440);
});

for (const row of [
  "2026-11-24T01:50:09Z,",
  "2026-11-24T01:50:09Z,-4",
  "2026-11-24T01:50:09Z,4.5",
  "2026-11-24T24:50:09Z,4",
  "2026-02-30T01:50:09Z,4",
  "2026-11-24 01:50:09,4",
  "<!doctype html>",
  "2026-11-24T01:50:09Z,4,5",
]) {
  test(`not a sample, so left out and counted: ${row}`, () => {
    const reader = new CsvReader();
    reader.feed(bytes(`${ROWS}${row}\n2026-11-24T01:51:00Z,500\n`));
    assert.deepEqual([[...reader.watts], reader.bad], [[436, 432, 500], 1]);
    assert.deepEqual(reader.firstBad, { line: 4, text: row });
  });
}

test("a file without a header loses no row", () => {
  const reader = new CsvReader();
  reader.feed(bytes(ROWS.slice(ROWS.indexOf("\n") + 1)));
  assert.deepEqual([[...reader.watts], reader.bad], [[436, 432], 0]);
});

test("what is drawn: every sample, and an empty point where one has held for three intervals", () => {
  const samples = { at: [0, 10_000, 60_000, 70_000], watts: [1, 2, 3, 4] };
  assert.deepEqual(seriesOf(samples, 10_000, []).drawn, [
    [0, 10_000, 40_000, 60_000, 70_000],
    [1, 2, null, 3, 4],
  ]);
});

test("a change of the interval changes from then on what is a hole", () => {
  const samples = { at: [0, 10_000, 60_000, 110_000], watts: [1, 2, 3, 4] };
  const change = { kind: "interval", begin: 10_000, end: 10_000, reason: "", detail: "", value: 50_000 };
  assert.deepEqual(seriesOf(samples, 10_000, [change]).drawn[1], [1, 2, 3, 4]);
});

test("after a step back of the clock, samples are drawn by their times and none is dropped", () => {
  const samples = { at: [0, 10_000, 20_000, 5_000, 15_000, 25_000], watts: [1, 2, 3, 4, 5, 6] };
  assert.deepEqual(seriesOf(samples, 10_000, []).drawn, [
    [0, 5_000, 10_000, 15_000, 20_000, 25_000],
    [1, 4, 2, 5, 3, 6],
  ]);
});
