/** What the overview knows of each machine, from all files and checked; and what several machines are together. */

import { dayOf, startOfDay } from "../time.js";
import { LOW_COVERAGE } from "../trust.js";

/** More watts than any one machine draws: a figure beyond is not believed. */
const MOST_WATTS = 1_000_000;
/** What is newer may not be in the collector's file yet, and five-minute rows come when they are over. */
const PATIENCE_MS = 15 * 60_000;

/**
 * @typedef {import("../published/fleet.js").Machine} Machine
 * @typedef {import("../published/overview.js").Overview} Overview
 * @typedef {import("../published/overview.js").Summary} Summary
 * @typedef {{
 *   machine: Machine, state: string, watts: number | null, answers: boolean, ageMs: number | null, doubts: string[],
 *   energyWh: number | null, peak: number | null, coveredMs: number, passedMs: number | null, coverage: number | null,
 *   incomplete: boolean, summary: Summary | null
 * }} Entry `answers`: its watts are those of now; `passedMs`: of the day so far, null without a file that says how much
 *   of it is covered; `incomplete`: that is too little
 * @typedef {{
 *   count: number, answering: number, watts: number | null, counted: number, energyWh: number | null,
 *   coveredMs: number, passedMs: number, coverage: number | null
 * }} Sum `counted`: machines whose day so far is known
 */

/**
 * @param {Machine[]} machines @param {Map<string, Overview>} overviews by collector @param {number} now
 * @returns {Entry[]} in the order of the machines
 */
export function entriesOf(machines, overviews, now) {
  /** @type {Map<string, { overview: Overview, isOfToday: boolean, passedMs: number }>} */
  const days = new Map();
  return machines.map((machine) => {
    let day = days.get(machine.collector);
    const overview = overviews.get(machine.collector);
    if (!day && overview) {
      day = { overview, ...passedOf(overview, machine.zone, now) };
      days.set(machine.collector, day);
    }
    return entryOf(machine, day);
  });
}

/** @param {Machine} machine @param {{ overview: Overview, isOfToday: boolean, passedMs: number } | undefined} day @returns {Entry} */
function entryOf(machine, day) {
  const { state, watts: found, ageMs, flags } = machine.reading;
  const watts = found !== null && found >= 0 && found <= MOST_WATTS ? found : null;
  const summary = day?.overview.machines.get(machine.name) ?? null;
  const today = day?.isOfToday ? (summary?.today ?? null) : null;
  const passedMs = day?.passedMs ?? null;
  const coveredMs = Math.min(today?.coveredMs ?? 0, passedMs ?? 0);
  const coverage = passedMs === null || passedMs === 0 ? null : coveredMs / passedMs;
  return {
    machine,
    state,
    watts,
    answers: state === "fresh" && watts !== null,
    ageMs: ageMs !== null && Number.isFinite(ageMs) ? ageMs : null,
    doubts: flags,
    energyWh: today?.energyWh ?? null,
    peak: today?.high ?? null,
    coveredMs,
    passedMs,
    coverage,
    incomplete: coverage !== null && coverage < LOW_COVERAGE && Number(passedMs) - coveredMs > PATIENCE_MS,
    summary,
  };
}

/**
 * How much of the day has passed for a collector's file: until it was written, or until now where it is old.
 * @param {Overview} overview @param {string} zone @param {number} now
 */
function passedOf({ writtenAt, day, dayFrom }, zone, now) {
  const isOfToday = day === dayOf(now, zone);
  const begin = isOfToday ? dayFrom : startOfDay(dayOf(now, zone), zone);
  const end = isOfToday && writtenAt <= now && now - writtenAt < PATIENCE_MS ? writtenAt : now;
  return { isOfToday, passedMs: Math.max(end - begin, 0) };
}

/** @param {Entry[]} entries @returns {Sum} */
export function sumOf(entries) {
  /** @type {Sum} */
  const sum = {
    count: entries.length,
    answering: 0,
    watts: null,
    counted: 0,
    energyWh: null,
    coveredMs: 0,
    passedMs: 0,
    coverage: null,
  };
  for (const { answers, watts, energyWh, coveredMs, passedMs } of entries) {
    if (answers) {
      sum.answering++;
      sum.watts = (sum.watts ?? 0) + Number(watts);
    }
    if (energyWh !== null) sum.energyWh = (sum.energyWh ?? 0) + energyWh;
    if (passedMs === null) continue;
    sum.counted++;
    sum.coveredMs += coveredMs;
    sum.passedMs += passedMs;
  }
  if (sum.passedMs > 0) sum.coverage = sum.coveredMs / sum.passedMs;
  return sum;
}

/**
 * The cost of the day so far: only where all machines have one price each in one currency, since anything else would be
 * the cost of a part.
 * @param {Entry[]} entries @param {string} usual currency of tariffs that name none
 * @returns {{ amount: number, currency: string, perKwh: number | null } | null} `perKwh` is null where prices differ
 */
export function costToday(entries, usual) {
  const prices = new Set();
  const currencies = new Set();
  let amount = 0;
  let any = false;
  for (const { machine, energyWh } of entries) {
    if (!machine.tariff || machine.tariff.rates.length > 0) return null;
    prices.add(machine.tariff.perKwh);
    currencies.add(machine.tariff.currency ?? usual);
    amount += (Number(energyWh) / 1000) * machine.tariff.perKwh;
    any ||= energyWh !== null;
  }
  if (!any || currencies.size !== 1) return null;
  return { amount, currency: [...currencies][0], perKwh: prices.size === 1 ? [...prices][0] : null };
}

/**
 * The CO2 of the day so far in grams, only where all machines say how much a kWh is.
 * @param {Entry[]} entries @returns {{ grams: number, perKwh: number | null } | null}
 */
export function co2Today(entries) {
  const shares = new Set();
  let grams = 0;
  let any = false;
  for (const { machine, energyWh } of entries) {
    if (machine.co2PerKwh === null) return null;
    shares.add(machine.co2PerKwh);
    grams += (Number(energyWh) / 1000) * machine.co2PerKwh;
    any ||= energyWh !== null;
  }
  return any ? { grams, perKwh: shares.size === 1 ? [...shares][0] : null } : null;
}
