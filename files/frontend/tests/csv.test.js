import assert from "node:assert/strict";
import { test } from "node:test";
import { CsvReader } from "../scripts/published/csv.js";

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
