import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { holds, statistics } from "../scripts/energy.js";
import { intervalAfter, stepsOf } from "../scripts/happenings.js";

// The same numbers as the collector's: see there.
const VECTORS = new URL("../../../collector/tests/vectors/energy.json", import.meta.url);
const MS_PER_HOUR = 3_600_000;

for (const vector of JSON.parse(readFileSync(VECTORS, "utf8")).cases) {
  test(`as the collector reckons: ${vector.what}`, () => {
    const samples = {
      at: vector.samples.map((/** @type {number[]} */ [at]) => at),
      watts: vector.samples.map((/** @type {number[]} */ [, watts]) => watts),
    };
    const events = vector.events.map((/** @type {[string, number, number, number]} */ [kind, begin, end, value]) => ({
      kind,
      begin,
      end,
      reason: "",
      detail: "",
      value: kind === "interval" ? value * 1000 : value,
    }));
    const hold = holds(samples, intervalAfter({ intervalMs: vector.interval_ms, events }), stepsOf(events));
    for (const expected of [...vector.spans, ...vector.rows]) {
      const found = statistics(samples, hold, expected.from_ms, expected.to_ms);
      assert.ok(Math.abs(found.energyWh - expected.energy_ms_w / MS_PER_HOUR) < 1e-9);
      assert.deepEqual(
        [found.count, found.coveredMs, found.minimum?.watts ?? null, found.peak?.watts ?? null],
        [expected.samples, expected.covered_ms, expected.min_w, expected.max_w],
      );
    }
  });
}
