import assert from "node:assert/strict";
import { test } from "node:test";
import { arranged, filtered, inOrderOf } from "../scripts/overview/arrangement.js";
import { choiceOf, parametersOf, sortedBy } from "../scripts/overview/choice.js";
import { co2Today, costToday, entriesOf, sumOf } from "../scripts/overview/entries.js";
import { highest, lastDayOf } from "../scripts/overview/last-day.js";
import { sparkPaths } from "../scripts/overview/sparkline.js";

const NOW = Date.parse("2026-11-24T12:00:00Z");
const HOUR = 3_600_000;
const QUARTER = HOUR / 4;
const usual = choiceOf(new URLSearchParams());

/** @param {string} name @param {any} [fields] @param {any} [reading] @returns {any} */
function machine(name, fields = {}, reading = {}) {
  return {
    id: `lab/${name}`,
    name,
    collector: "lab",
    title: name,
    group: "",
    rack: "",
    zone: "UTC",
    simulated: false,
    tariff: null,
    co2PerKwh: null,
    ...fields,
    reading: { state: "fresh", watts: 100, ageMs: 2000, reason: null, since: null, flags: [], ...reading },
  };
}

/** @param {Record<string, any>} machines summaries by name @param {any} [fields] @returns {any} */
function overview(machines, fields = {}) {
  return {
    writtenAt: NOW,
    day: "2026-11-24",
    dayFrom: Date.parse("2026-11-24T00:00:00Z"),
    from: NOW - 24 * HOUR,
    stepMs: QUARTER,
    steps: 96,
    machines: new Map(Object.entries(machines)),
    ...fields,
  };
}

/** @param {number | (number | null)[]} watts @param {any} [today] */
function summary(watts, today = {}) {
  const mean = Array.isArray(watts) ? watts : Array(96).fill(watts);
  const full = { energyWh: 1200, coveredMs: 12 * HOUR, low: 90, high: 130, samples: 4320, ...today };
  return { today: today === null ? null : full, mean, high: mean };
}

/** @param {any[]} machines @param {Map<string, any>} [overviews] @param {number} [now] */
const entries = (machines, overviews = new Map(), now = NOW) => entriesOf(machines, overviews, now);
const names = (/** @type {any[]} */ sections) =>
  sections.map(({ name, entries: all, parts }) => [
    name,
    parts.length > 0 ? names(parts) : all.map((/** @type {any} */ e) => e.machine.name),
  ]);

test("the choice in the address comes back as it was, and the usual leaves nothing there", () => {
  assert.deepEqual(Object.values(parametersOf(usual)).filter(Boolean), []);
  for (const query of ["show=tiles&by=rack&sort=-watts&state=silent&q=web+r1", "sort=-name", "by=none&sort=age"]) {
    const wanted = Object.fromEntries(new URLSearchParams(query));
    const back = Object.entries(parametersOf(choiceOf(new URLSearchParams(query)))).filter(
      ([, value]) => value !== null,
    );
    assert.deepEqual(Object.fromEntries(back), wanted);
  }
});

test("what the address says wrong is the usual", () => {
  const strange = new URLSearchParams("show=x&by=__proto__&sort=toString&state=<b>");
  assert.deepEqual(choiceOf(strange), usual);
});

test("a column's first click puts first what one looks for, the second turns it round", () => {
  const first = sortedBy(usual.sort, "watts");
  assert.deepEqual(first, { column: "watts", direction: -1 });
  assert.deepEqual(sortedBy(first, "watts"), { column: "watts", direction: 1 });
  assert.deepEqual(sortedBy(usual.sort, "name"), { column: "name", direction: -1 });
});

test("the sum is of those that answer, and the day of those that a file tells of", () => {
  const found = entries(
    [
      machine("a", {}, { watts: 100 }),
      machine("b", {}, { state: "silent", watts: 900 }),
      machine("c", { collector: "old" }, { watts: 50 }),
      machine("d", {}, { watts: null }),
    ],
    new Map([["lab", overview({ a: summary(100), b: summary(100, { coveredMs: 6 * HOUR }) })]]),
  );
  const sum = sumOf(found);
  assert.equal(sum.watts, 150);
  assert.deepEqual([sum.answering, sum.count, sum.counted], [2, 4, 3]);
  assert.equal(sum.energyWh, 2400);
  // Of three machines for twelve hours, eighteen hours are covered.
  assert.equal(sum.coverage, 0.5);
  assert.deepEqual(
    found.map(({ incomplete }) => incomplete),
    [false, true, false, true],
  );
});

test("nothing that answers draws no watts rather than zero", () => {
  assert.equal(sumOf(entries([machine("a", {}, { state: "stale" })])).watts, null);
  assert.equal(sumOf([]).watts, null);
});

for (const watts of [-1, Number.POSITIVE_INFINITY, Number.NaN, 1e300]) {
  test(`watts that no machine draws are not believed: ${watts}`, () => {
    const [entry] = entries([machine("a", {}, { watts })]);
    assert.deepEqual([entry.watts, entry.answers], [null, false]);
  });
}

test("yesterday's file says nothing of today, and that is told only after a while", () => {
  const old = overview(
    { a: summary(100) },
    { day: "2026-11-23", dayFrom: NOW - 36 * HOUR, writtenAt: Date.parse("2026-11-23T23:58:00Z") },
  );
  const at = (/** @type {string} */ time) => entries([machine("a")], new Map([["lab", old]]), Date.parse(time))[0];
  const soon = at("2026-11-24T00:03:00Z");
  assert.deepEqual([soon.energyWh, soon.passedMs, soon.incomplete], [null, 180_000, false]);
  assert.equal(at("2026-11-24T02:00:00Z").incomplete, true);
});

test("of a collector that stands still, the day's coverage falls as time passes", () => {
  const old = overview({ a: summary(100, { coveredMs: 6 * HOUR }) }, { writtenAt: NOW - 6 * HOUR });
  const [entry] = entries([machine("a")], new Map([["lab", old]]));
  assert.deepEqual([entry.coverage, entry.incomplete], [0.5, true]);
});

test("a day's coverage is never over the whole", () => {
  const [entry] = entries([machine("a")], new Map([["lab", overview({ a: summary(1, { coveredMs: 1e9 }) })]]));
  assert.equal(entry.coverage, 1);
});

const price = (/** @type {number} */ perKwh, /** @type {any[]} */ rates = [], currency = "EUR") => ({
  currency,
  perKwh,
  rates,
  zone: "UTC",
});
const day = new Map([["lab", overview({ a: summary(100), b: summary(100) })]]);

test("the day costs its energy at the base rate, prices may differ but not currencies", () => {
  const of = (/** @type {any} */ a, /** @type {any} */ b) =>
    costToday(entries([machine("a", { tariff: a }), machine("b", { tariff: b })], day), "EUR");
  assert.deepEqual(of(price(0.5), price(0.5)), { amount: 1.2, currency: "EUR", perKwh: 0.5 });
  assert.deepEqual(of(price(0.5), price(1)), { amount: 1.7999999999999998, currency: "EUR", perKwh: null });
  assert.equal(of(price(0.5), price(1, [], "BRL")), null);
  assert.equal(of(price(0.5), null), null);
  assert.equal(of(price(0.5), price(0.5, [{}])), null);
});

test("the CO2 is told only where it is known of all", () => {
  const of = (/** @type {any} */ a, /** @type {any} */ b) =>
    co2Today(entries([machine("a", { co2PerKwh: a }), machine("b", { co2PerKwh: b })], day));
  assert.deepEqual(of(400, 400), { grams: 960, perKwh: 400 });
  assert.deepEqual(of(400, 0), { grams: 480, perKwh: null });
  assert.equal(of(400, null), null);
});

const room = entries(
  [
    machine("node10", { group: "web", rack: "R2" }, { watts: 300 }),
    machine("node9", { group: "web", rack: "R1" }, { watts: 100 }),
    machine("node2", { group: "web", rack: "R1" }, { watts: 200 }),
    machine("db1", { group: "db", rack: "R2", title: "Base de données" }, { watts: 700, flags: ["inactive"] }),
    machine("lone", {}, { state: "silent", watts: 999 }),
  ],
  day,
);

test("groups hold racks, names are ordered as people do, what has no group comes last", () => {
  assert.deepEqual(names(arranged(room, usual)), [
    ["db", ["db1"]],
    [
      "web",
      [
        ["R1", ["node2", "node9"]],
        ["R2", ["node10"]],
      ],
    ],
    ["", ["lone"]],
  ]);
  const [db, web] = arranged(room, usual);
  assert.equal(db.note, "R2");
  assert.equal(web.sum.watts, 600);
});

test("by rack, and by nothing", () => {
  assert.deepEqual(names(arranged(room, { ...usual, by: "rack" })), [
    ["R1", ["node2", "node9"]],
    ["R2", ["db1", "node10"]],
    ["", ["lone"]],
  ]);
  assert.deepEqual(names(arranged(room, { ...usual, by: "none" })), [
    [null, ["db1", "lone", "node2", "node9", "node10"]],
  ]);
});

test("machines without any group have no heading", () => {
  assert.deepEqual(names(arranged(entries([machine("b"), machine("a")]), usual)), [[null, ["a", "b"]]]);
});

test("sorting by watts sorts groups by their sums too; what draws nothing now is last either way", () => {
  const sort = (/** @type {1 | -1} */ direction) =>
    names(arranged(room, { ...usual, by: "group", sort: { column: "watts", direction } })).map(([name]) => name);
  assert.deepEqual(sort(-1), ["db", "web", ""]);
  assert.deepEqual(sort(1), ["web", "db", ""]);
});

test("sorting by state puts trouble first", () => {
  const sorted = arranged(room, { ...usual, by: "none", sort: { column: "state", direction: 1 } });
  assert.deepEqual(
    sorted[0].entries.map(({ machine: { name } }) => name),
    ["lone", "db1", "node2", "node9", "node10"],
  );
});

test("every word of the filter must fit, in any case and without accents", () => {
  const found = (/** @type {any} */ choice) =>
    filtered(room, { ...usual, ...choice }, ({ state }) => (state === "silent" ? "em silêncio" : "")).map(
      (e) => e.machine.name,
    );
  assert.deepEqual(found({ text: "WEB r1" }), ["node9", "node2"]);
  assert.deepEqual(found({ text: "donnees" }), ["db1"]);
  assert.deepEqual(found({ text: "silencio" }), ["lone"]);
  assert.deepEqual(found({ text: "  " }).length, 5);
  assert.deepEqual(found({ text: "no such" }), []);
  assert.deepEqual(found({ state: "doubtful" }), ["db1"]);
  assert.deepEqual(found({ state: "silent" }), ["lone"]);
});

test("news keep the order of before, with new figures, and what is new comes last", () => {
  const before = arranged(room, { ...usual, by: "none", sort: { column: "watts", direction: -1 } });
  const more = entries([
    machine("new"),
    ...room.map(({ machine: each }) => ({ ...each, reading: { ...each.reading, watts: 5 } })),
  ]);
  const kept = inOrderOf(arranged(more, { ...usual, by: "none" }), before);
  assert.deepEqual(names(kept), [[null, ["db1", "node10", "node2", "node9", "lone", "new"]]]);
  assert.equal(kept[0].entries[0].watts, 5);
});

test("the last day is the sum of each group, the largest first", () => {
  const overviews = new Map([["lab", overview({ a: summary(100), b: summary(300), c: summary(50) })]]);
  const found = lastDayOf(
    entries([machine("a", { group: "x" }), machine("b", { group: "y" }), machine("c", { group: "x" })], overviews),
    overviews,
    "group",
    NOW,
  );
  assert.deepEqual(
    found.parts.map(({ name, mean }) => [name, mean[0], mean[95]]),
    [
      ["y", 300, 300],
      ["x", 150, 150],
    ],
  );
  assert.deepEqual([found.total[40], found.covered, found.at.length], [450, 1, 96]);
  assert.equal(found.from, NOW - 24 * HOUR);
  assert.deepEqual(highest(found), { at: found.from, watts: 450 });
});

test("a step is a hole only where all machines of the group are missing", () => {
  const holed = (/** @type {number[]} */ ...places) =>
    Array.from({ length: 96 }, (_, i) => (places.includes(i) ? null : 10));
  const overviews = new Map([["lab", overview({ a: summary(holed(3, 4)), b: summary(holed(4)) })]]);
  const found = lastDayOf(entries([machine("a"), machine("b")], overviews), overviews, "group", NOW);
  assert.deepEqual(found.total.slice(2, 6), [20, 10, null, 20]);
  assert.equal(found.covered, (2 * 96 - 3) / (2 * 96));
});

test("more groups than colours: the five largest and all others together", () => {
  const all = Array.from({ length: 9 }, (_, i) => machine(`m${i}`, { group: `g${i}` }));
  const overviews = new Map([
    ["lab", overview(Object.fromEntries(all.map(({ name }, i) => [name, summary(10 * (i + 1))])))],
  ]);
  const { parts, total } = lastDayOf(entries(all, overviews), overviews, "group", NOW);
  assert.deepEqual(
    parts.map(({ name, mean, others }) => [name, mean[0], others]),
    [
      ["g8", 90, 0],
      ["g7", 80, 0],
      ["g6", 70, 0],
      ["g5", 60, 0],
      ["g4", 50, 0],
      [null, 100, 4],
    ],
  );
  assert.equal(total[0], 450);
  // Six have a colour each.
  assert.equal(lastDayOf(entries(all.slice(0, 6), overviews), overviews, "group", NOW).parts.length, 6);
});

test("collectors with other steps and other beginnings come to one clock", () => {
  const hours = overview({ b: summary(Array(24).fill(40)) }, { stepMs: HOUR, steps: 24, from: NOW - 24 * HOUR });
  const late = overview({ c: summary([...Array(95).fill(8), null]) }, { from: NOW - 24 * HOUR + 5 * 60_000 });
  const overviews = new Map([
    ["lab", overview({ a: summary(100) })],
    ["annex", hours],
    ["far", late],
  ]);
  const machines = [machine("a"), machine("b", { collector: "annex" }), machine("c", { collector: "far" })];
  const found = lastDayOf(entries(machines, overviews), overviews, "group", NOW);
  assert.equal(found.stepMs, HOUR);
  // The newest file reaches five minutes into the next hour.
  assert.equal(found.from, NOW - 23 * HOUR);
  assert.equal(found.total.length, 24);
  assert.ok(Math.abs(Number(found.total[0]) - 148) < 1e-9);
  // There, two collectors have nothing yet.
  assert.equal(found.total[23], null);
});

test("of files that are old, what has passed since is a hole", () => {
  const overviews = new Map([["lab", overview({ a: summary(100) }, { from: NOW - 30 * HOUR })]]);
  const { total, from } = lastDayOf(entries([machine("a")], overviews), overviews, "group", NOW);
  assert.equal(from, NOW + QUARTER - 24 * HOUR);
  assert.deepEqual([total[0], total[95]], [100, null]);
});

for (const fields of [{ from: 0 }, { from: NOW * 2 }, { stepMs: 0.001 }, { stepMs: 1e11 }, { steps: 1 }]) {
  test(`strange times in a file draw nothing strange: ${JSON.stringify(fields)}`, () => {
    const overviews = new Map([["lab", overview({ a: summary(100) }, fields)]]);
    const { at, total } = lastDayOf(entries([machine("a")], overviews), overviews, "group", NOW);
    assert.ok(at.length >= 24 && at.length <= 1440 && total.length === at.length);
    assert.ok(Math.abs(NOW - Number(at.at(-1))) <= HOUR);
  });
}

test("a sparkline begins anew behind a hole and reaches from nothing to the greatest watts", () => {
  const { line, area, band } = sparkPaths([10, null, 20, 0], [10, null, 40, null]);
  assert.equal(line, "M0,17.5V17.5H1M2,12.0V12.0H3V23.0H4");
  assert.equal(area, "M0,24V17.5H1V24ZM2,24V12.0H3V23.0H4V24Z");
  assert.equal(band, "M0,24V17.5H1V24ZM2,24V1.0H3V23.0H4V24Z");
  assert.deepEqual(sparkPaths([null], [null]), { line: "", area: "", band: "" });
});
