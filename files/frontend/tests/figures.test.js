import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { figuresOfRows, figuresOfSamples } from "../scripts/figures.js";
import * as format from "../scripts/format.js";
import { RateClock, tariffOf } from "../scripts/tariff.js";

// The same numbers as the collector's: the file says what they are.
const VECTORS = JSON.parse(
  readFileSync(new URL("../../../collector/tests/vectors/statistics.json", import.meta.url), "utf8"),
);

/** @param {any} runs @param {string} of */
function written(runs, of) {
  const all = [];
  for (const run of runs) {
    if (Array.isArray(run)) {
      all.push(run);
      continue;
    }
    let at = run.from_ms;
    for (let turn = 0; turn < (run.times ?? 1); turn++) {
      for (const [n, value] of run[of]) for (let i = 0; i < n; i++, at += run.every_ms) all.push([at, value].flat());
    }
  }
  return all;
}

/** @param {any[][]} table @param {number} column */
const column = (table, column) => Float64Array.from(table, (row) => row[column]);

/** @param {any} vector @param {any} span @param {any} prices */
function found(vector, span, prices) {
  if (vector.rows) {
    const table = written(vector.rows, "rows");
    const [at, samples, coveredMs, energyMsW, low, high] = [0, 1, 2, 3, 4, 5].map((i) => column(table, i));
    const rows = { at, samples, coveredMs, energyMsW, low, high };
    return figuresOfRows(rows, vector.row_ms, prices, span.from_ms, span.to_ms, span.interval_ms);
  }
  const table = written(vector.samples, "watts");
  const events = vector.events.map((/** @type {[string, number, number, number]} */ [kind, begin, end, value]) => ({
    kind,
    begin,
    end,
    reason: "",
    detail: "",
    value: kind === "interval" ? value * 1000 : value,
  }));
  const samples = { at: column(table, 0), watts: column(table, 1) };
  return figuresOfSamples(samples, { intervalMs: vector.interval_ms, events }, prices, span.from_ms, span.to_ms);
}

for (const vector of VECTORS.cases) {
  test(`the figures of a span, as the collector reckons them: ${vector.what}`, () => {
    const prices = { tariff: tariffOf(vector.tariff, vector.zone), co2PerKwh: vector.co2_g_per_kwh ?? null };
    for (const span of vector.spans) {
      const figures = found(vector, span, prices);
      assert.deepEqual(
        {
          samples: figures.samples,
          covered_ms: figures.coveredMs,
          energy_wh: figures.energyWh,
          min_w: figures.minimum?.watts ?? null,
          min_at_ms: figures.minimum?.at ?? null,
          max_w: figures.peak?.watts ?? null,
          max_at_ms: figures.peak?.at ?? null,
          base_w: figures.baseW,
          p95_w: figures.p95W,
          means_of_ms: figures.meansOfMs,
          carried_by: figures.carriedBy,
          end_error: figures.endError,
          from_ms: figures.from,
          to_ms: figures.to,
        },
        {
          samples: span.samples,
          covered_ms: span.covered_ms,
          energy_wh: span.energy_ms_w / 3_600_000,
          min_w: span.min_w,
          min_at_ms: span.min_at_ms,
          max_w: span.max_w,
          max_at_ms: span.max_at_ms,
          base_w: span.base_w,
          p95_w: span.p95_w,
          means_of_ms: span.means_of_ms,
          carried_by: span.carried_by,
          end_error:
            span.carried_by > 0 && span.carried_by < 30
              ? span.interval_ms / ((span.snapped_to_ms ?? span.to_ms) - (span.snapped_from_ms ?? span.from_ms))
              : null,
          from_ms: span.snapped_from_ms ?? span.from_ms,
          to_ms: span.snapped_to_ms ?? span.to_ms,
        },
      );
      if (span.energies_ms_w) assert.deepEqual(figures.energyByRate, span.energies_ms_w);
      for (const [name, value] of /** @type {const} */ ([
        ["cost", figures.cost],
        ["co2_g", figures.co2G],
      ])) {
        if (span[name] !== undefined)
          assert.ok(Math.abs(Number(value) - span[name]) <= 1e-12 * Math.max(1, span[name]), name);
      }
      if (span.max_at_ms !== null) assert.equal(figures.peak?.withinMs, span.extremes_within_ms);
    }
  });
}

for (const { what, zone, tariff, moments } of VECTORS.rates) {
  test(`the rate in force: ${what ?? zone}`, () => {
    const clock = new RateClock(/** @type {any} */ (tariffOf(tariff, zone)));
    for (const [at, rate] of moments) assert.equal(clock.at(Date.parse(at)), rate, at);
  });
}

/** @type {Record<string, (each: any) => string>} */
const SHOWN = {
  energy_wh: ({ value }) => format.wattHours(value),
  mean_w: ({ value }) => format.meanWatts(value),
  max_w: ({ value }) => format.watts(value),
  p95_w: ({ value }) => format.watts(value),
  p95_of_means_w: ({ value }) => format.meanWatts(value),
  co2_g: ({ value }) => format.mass(value),
  coverage: ({ covered_ms, span_ms }) => format.coverage(covered_ms, span_ms),
  cost: ({ value }) => format.money(value, "EUR").replace("€", ""),
  end_error: ({ interval_ms, span_ms }) => format.tenthsOfPercent(interval_ms / span_ms),
};

test("figures are shown as the command line shows them, to the last digit", () => {
  for (const each of VECTORS.format) {
    const shown = SHOWN[each.figure];
    assert.ok(shown, `nothing shows ${each.figure}`);
    assert.equal(shown(each), each.shown, JSON.stringify(each));
  }
});

test("two steps of the clock between the same samples add up", () => {
  const step = (/** @type {number} */ end, /** @type {number} */ value) => ({
    kind: "clock_step",
    begin: 10_000,
    end,
    reason: "",
    detail: "",
    value,
  });
  const samples = { at: [0, 10_000, 20_000, 30_000], watts: [100, 100, 100, 100] };
  const events = [step(3_615_000, 3_600_000), step(18_000, -3_600_000)];
  const prices = { tariff: null, co2PerKwh: null };
  assert.equal(figuresOfSamples(samples, { intervalMs: 10_000, events }, prices, 0, 30_000).coveredMs, 30_000);
});
