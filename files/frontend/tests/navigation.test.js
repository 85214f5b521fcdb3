import assert from "node:assert/strict";
import { test } from "node:test";
import { Navigation, parseSpan, spanText, stripSpan } from "../scripts/machine/navigation.js";
import { csvOfRows, csvOfSamples, fileName } from "../scripts/machine/span-csv.js";

const HOUR = 3_600_000;
const NOW = Date.parse("2026-11-24T12:00:00Z");

test("a preset ends now; a part that the visitor zoomed to stays, and the way back leads over all steps", () => {
  const navigation = new Navigation();
  navigation.choose("6h");
  assert.deepEqual(navigation.window(NOW), [NOW - 6 * HOUR, NOW]);
  navigation.zoom([NOW - 3 * HOUR, NOW - 2 * HOUR], NOW);
  navigation.zoom([NOW - 2.7 * HOUR, NOW - 2.5 * HOUR], NOW);
  assert.deepEqual(navigation.window(NOW + 60_000), [NOW - 2.7 * HOUR, NOW - 2.5 * HOUR]);
  assert.ok(navigation.back());
  assert.deepEqual(navigation.window(NOW), [NOW - 3 * HOUR, NOW - 2 * HOUR]);
  assert.ok(navigation.back());
  assert.deepEqual(navigation.window(NOW + 60_000), [NOW + 60_000 - 6 * HOUR, NOW + 60_000]);
  assert.equal(navigation.back(), false);
});

test("a window whose end is now goes on with the clock", () => {
  const navigation = new Navigation();
  navigation.zoom([NOW - HOUR / 2, NOW], NOW);
  assert.deepEqual(navigation.window(NOW + 5000), [NOW + 5000 - HOUR / 2, NOW + 5000]);
});

test("panning stops now, and leaves one step to go back to, however often", () => {
  const navigation = new Navigation();
  navigation.zoom([NOW - 2 * HOUR, NOW - HOUR], NOW);
  const steps = navigation.before.length;
  for (let i = 0; i < 10; i++) {
    const [from, to] = navigation.window(NOW);
    navigation.zoom([from + HOUR / 2, to + HOUR / 2], NOW);
  }
  assert.deepEqual(navigation.window(NOW), [NOW - HOUR, NOW]);
  assert.equal(navigation.before.length, steps);
});

test("zooming out stops now", () => {
  const navigation = new Navigation();
  navigation.zoom([NOW - 2 * HOUR, NOW + HOUR], NOW);
  assert.deepEqual(navigation.window(NOW), [NOW - 2 * HOUR, NOW]);
});

test("a span that reaches into the future is as the visitor gave it", () => {
  const navigation = new Navigation();
  navigation.go([NOW - HOUR, NOW + HOUR]);
  assert.deepEqual(navigation.window(NOW), [NOW - HOUR, NOW + HOUR]);
});

test("the strip rests while the window moves in it, and is another when that leaves it, fills it or gets lost in it", () => {
  const begin = NOW - 1000 * 24 * HOUR;
  const first = stripSpan([NOW - HOUR, NOW], null, NOW, begin);
  assert.deepEqual(first, [NOW - 6 * HOUR, NOW]);
  assert.equal(stripSpan([NOW - 5 * HOUR, NOW - 4 * HOUR], first, NOW, begin), first);
  for (const other of [
    [NOW - 9 * HOUR, NOW - 8 * HOUR],
    [NOW - 5 * HOUR, NOW],
    [NOW - 4 * HOUR, NOW - 4 * HOUR + 60_000],
  ]) {
    const span = stripSpan(/** @type {[number, number]} */ (other), first, NOW, begin);
    assert.notEqual(span, first);
    assert.ok(span[0] <= other[0] && span[1] >= other[1]);
  }
  const year = stripSpan([NOW - 365 * 24 * HOUR, NOW], null, NOW, begin);
  assert.ok(year[0] <= begin && year[1] >= NOW);
});

test("spans in addresses come back; what is none is none", () => {
  const span = /** @type {[number, number]} */ ([NOW - HOUR, NOW]);
  assert.deepEqual(parseSpan(spanText(span)), span);
  for (const text of [null, "", "2026-11-24T12:00:00Z", "2026-11-24T12:00:00Z/2026-11-24T12:00:00Z", "a/b", "/"]) {
    assert.equal(parseSpan(text), null, String(text));
  }
});

test("samples of a span as a file: those that lie in it, as they were published", () => {
  const samples = { at: [NOW - 1, NOW, NOW + 123, NOW + 1000], watts: [1, 2, 3, 4] };
  assert.equal(
    csvOfSamples(samples, [NOW, NOW + 1000]),
    "timestamp,consumption\n2026-11-24T12:00:00.000Z,2\n2026-11-24T12:00:00.123Z,3\n",
  );
});

test("rows of a span as a file: in the form in which they were published, energy exact", () => {
  const rows = {
    at: Float64Array.of(NOW, NOW + 300_000),
    energyMsW: Float64Array.of(130_865_100, 0),
    coveredMs: Float64Array.of(300_000, 0),
    low: Float64Array.of(421, 421),
    high: Float64Array.of(842, 421),
    samples: Float64Array.of(30, 1),
  };
  assert.equal(
    csvOfRows(rows, [NOW, NOW + 600_000]),
    "timestamp,mean_w,min_w,max_w,energy_wh,covered_s,samples\n" +
      "2026-11-24T12:00:00.000Z,436.217,421,842,36.351416667,300.000,30\n" +
      "2026-11-24T12:05:00.000Z,,421,421,0.000000000,0.000,1\n",
  );
});

test("a file is named by machine, span and label, whatever the label says", () => {
  const span = /** @type {[number, number]} */ ([NOW, NOW + HOUR]);
  assert.equal(fileName("node01", span, ""), "node01-20261124T120000Z-20261124T130000Z.csv");
  assert.equal(fileName("n", span, "../é job/42"), "n-20261124T120000Z-20261124T130000Z-e-job-42.csv");
});
