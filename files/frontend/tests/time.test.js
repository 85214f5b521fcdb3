import assert from "node:assert/strict";
import { test } from "node:test";
import * as time from "../scripts/time.js";

const HOUR = 3_600_000;
const hours = (/** @type {string} */ day, /** @type {string} */ zone) => {
  const [from, to] = time.spanOfDay(day, zone);
  return (to - from) / HOUR;
};

test("days have 23, 24 or 25 hours as the zone has it", () => {
  assert.equal(hours("2026-03-29", "Europe/Berlin"), 23);
  assert.equal(hours("2026-10-25", "Europe/Berlin"), 25);
  assert.equal(hours("2026-10-26", "Europe/Berlin"), 24);
  assert.equal(hours("2026-11-24", "Asia/Kolkata"), 24);
});

test("a day whose midnight is skipped begins with the first hour there is", () => {
  const [from] = time.spanOfDay("2018-11-04", "America/Sao_Paulo");
  assert.equal(time.clock(from, "America/Sao_Paulo"), "01:00:00");
  assert.equal(time.dayOf(from, "America/Sao_Paulo"), "2018-11-04");
  assert.equal(time.dayOf(from - 1, "America/Sao_Paulo"), "2018-11-03");
});

test("ticks sit at round times of the zone's clocks, also where clocks change and at half hours", () => {
  for (const [day, zone, expected] of /** @type {[string, string, string[]][]} */ ([
    ["2026-03-29", "Europe/Berlin", ["00:00", "06:00", "12:00", "18:00", "00:00"]],
    ["2026-10-25", "Europe/Berlin", ["00:00", "06:00", "12:00", "18:00", "00:00"]],
    ["2026-11-24", "Asia/Kolkata", ["00:00", "06:00", "12:00", "18:00", "00:00"]],
    ["2026-11-24", "Asia/Kathmandu", ["00:00", "06:00", "12:00", "18:00", "00:00"]],
  ])) {
    const [from, to] = time.spanOfDay(day, zone);
    assert.deepEqual(
      time.ticks(from, to, zone, 5).map((at) => time.clock(at, zone, false)),
      expected,
    );
  }
});

test("never more ticks than asked for, whatever the span", () => {
  for (const span of [5_000, 61_000, 900_000, HOUR, 6.3 * HOUR, 25 * HOUR]) {
    const found = time.ticks(1_790_000_012_345, 1_790_000_012_345 + span, "UTC", 9);
    assert.ok(found.length >= 1 && found.length <= 10, `${span}: ${found.length}`);
  }
});

test("only dates that the calendar has are dates", () => {
  assert.ok(time.isDay("2028-02-29"));
  for (const text of ["2026-02-29", "2026-12-00", "2026-13-01", "2026-1-1", "today", "", null]) {
    assert.equal(time.isDay(text), false, String(text));
  }
});

test("the zone is named with its offset at that time", () => {
  assert.equal(time.zoneLabel("America/Sao_Paulo", 1_790_000_000_000), "America/Sao_Paulo (UTC−03:00)");
  assert.equal(time.zoneLabel("Europe/Berlin", Date.parse("2026-07-01T00:00:00Z")), "Europe/Berlin (UTC+02:00)");
  assert.equal(time.zoneLabel("UTC", 0), "UTC");
});

const DAY = 24 * HOUR;
const ticksOf = (/** @type {string} */ from, /** @type {number} */ days, /** @type {string} */ zone) => {
  const begin = time.startOfDay(from, zone);
  const { at, unit } = time.axisTicks(begin, begin + days * DAY, zone, 12);
  return time.tickLabels(at, unit, zone);
};

test("days, months and years have ticks at the zone's midnights, also where clocks change", () => {
  assert.deepEqual(ticksOf("2026-10-23", 5, "Europe/Berlin").slice(0, 4), [
    "00:00\n23 Oct",
    "12:00",
    "00:00\n24 Oct",
    "12:00",
  ]);
  assert.deepEqual(ticksOf("2026-10-21", 9, "Europe/Berlin").slice(0, 6), [
    "Wed 21\nOct 2026",
    "Thu 22",
    "Fri 23",
    "Sat 24",
    "Sun 25",
    "Mon 26",
  ]);
  for (const label of ticksOf("2026-09-20", 70, "Europe/Berlin")) assert.match(label, /^Mon /);
  assert.deepEqual(ticksOf("2025-10-15", 365, "America/Sao_Paulo").slice(0, 4), [
    "Nov\n2025",
    "Dec",
    "Jan\n2026",
    "Feb",
  ]);
  assert.deepEqual(ticksOf("2020-06-01", 365 * 9, "UTC").slice(0, 2), ["2021", "2022"]);
  const [begin] = time.spanOfDay("2018-11-01", "America/Sao_Paulo");
  const { at } = time.axisTicks(begin, begin + 8 * DAY, "America/Sao_Paulo", 9);
  // On the 4th, midnight was skipped.
  assert.deepEqual(
    at.slice(2, 5).map((each) => time.clock(each, "America/Sao_Paulo", false)),
    ["00:00", "01:00", "00:00"],
  );
});

test("never more than a tick more than asked for, whatever the span", () => {
  for (let span = 5000; span < 3000 * DAY; span *= 1.7) {
    const { at } = time.axisTicks(1_790_000_012_345, 1_790_000_012_345 + span, "Europe/Berlin", 9);
    assert.ok(at.length <= 11, `${span}: ${at.length}`);
  }
});

test("the midnights of many days are those of each, over every change of the clocks", () => {
  for (const zone of ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Africa/Cairo", "Australia/Lord_Howe"]) {
    const days = [];
    for (let day = "2016-01-01"; day < "2019-12-31"; day = time.addDays(day, 1)) days.push(day);
    const found = time.midnights(
      Float64Array.from(days, (day) => Date.parse(`${day}T00:00:00Z`)),
      zone,
    );
    assert.deepEqual(
      [...found],
      days.map((day) => time.startOfDay(day, zone)),
      zone,
    );
  }
});
