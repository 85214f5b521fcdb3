/** What a machine's history asks for, and what it says of files that are half bad. */

import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import { MachineHistory } from "../scripts/published/history.js";

const NOW = Date.parse("2026-11-24T12:00:00Z");
const HOUR = 3_600_000;
const real = globalThis.fetch;
after(() => {
  globalThis.fetch = real;
});

/** By the server's clock. */
let now = NOW;
/** @type {string[]} the names of files that were asked for */
let asked = [];
/** @type {Record<string, string>} */
let files = {};
beforeEach(() => {
  [now, asked, files] = [NOW, [], {}];
  globalThis.fetch = async (url) => {
    const name = String(url).split("/").at(-1) ?? "";
    asked.push(name);
    const headers = { Date: new Date(now).toUTCString() };
    return name in files ? new Response(files[name], { headers }) : new Response("", { status: 404, headers });
  };
});

const machine = (state = "fresh") =>
  /** @type {any} */ ({
    collector: "lab",
    name: "node01",
    zone: "UTC",
    intervalMs: 10_000,
    days: [["2026-11-23", "2026-11-24"]],
    months: [["2026-10", "2026-11"]],
    years: [["2026", "2026"]],
    reading: { state },
  });

test("events of a day that goes on are asked for twice a minute, at once when the state is another one, and on demand", async () => {
  files["2026-11-24.events.json"] = JSON.stringify({ format: 1, interval_s: 10, events: [] });
  const history = new MachineHistory(machine());
  const look = async (/** @type {number} */ afterMs) => {
    now += afterMs;
    asked = [];
    await history.samples(NOW - HOUR, NOW); // whose answers tell the time
    asked = [];
    await history.events(NOW - HOUR, NOW);
    return asked.length;
  };
  assert.deepEqual([await look(0), await look(5000), await look(20_000), await look(10_000)], [1, 0, 0, 1]);
  history.machine = machine("silent");
  assert.deepEqual([await look(5000), await look(5000)], [1, 1]);
  history.machine = machine("fresh");
  // The collector may write of the end of the silence a little later.
  assert.deepEqual([await look(5000), await look(20_000), await look(10_000)], [1, 1, 0]);
  history.forgetEvents();
  assert.equal(await look(5000), 1);
});

test("files with bad rows are named where a span may want something of them, with the first bad row and how many are good", async () => {
  const row = (/** @type {string} */ at) => `${at},400.0,400,400,33.3,300,30\n`;
  const head = "timestamp,mean_w,min_w,max_w,energy_wh,covered_s,samples\n";
  files["2026-10.csv"] = `${head}${row("2026-10-31T23:55:00Z")}#${row("2026-10-31T23:50:00Z")}`;
  files["2026-11.csv"] = `${head}${row("2026-11-01T00:00:00Z")}`;
  const history = new MachineHistory(machine());
  const [from, to] = [Date.parse("2026-10-31T00:00:00Z"), Date.parse("2026-11-02T00:00:00Z")];
  assert.equal((await history.rows("five-minutes", from, to)).at.length, 2);
  assert.deepEqual(history.damaged([from, to]), [
    {
      url: "data/lab/node01/2026-10.csv",
      bad: 1,
      firstBad: { line: 3, text: "#2026-10-31T23:50:00Z,400.0,400,400,33.3,300,30" },
      count: 1,
    },
  ]);
  assert.deepEqual(history.damaged([Date.parse("2026-11-01T00:00:00Z"), to]), []);
});
