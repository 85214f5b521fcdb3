/** What is told of a collector whose files cannot be had. */

import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import { Fleet } from "../scripts/published/fleet.js";

const real = globalThis.fetch;
after(() => {
  globalThis.fetch = real;
});

/** @type {Record<string, number>} how long each file's 404 takes, in ms */
let delays = {};
beforeEach(() => {
  globalThis.fetch = async (url) => {
    const name = String(url).split("/").at(-1) ?? "";
    await new Promise((done) => setTimeout(done, delays[name]));
    return new Response("", { status: 404 });
  };
});

for (const slower of ["index.json", "now.json"]) {
  test(`of two files that are missing, the index is told of, whichever answers first (${slower} last)`, async () => {
    delays = { "index.json": 0, "now.json": 0, [slower]: 30 };
    const fleet = new Fleet({
      collectors: ["annex"],
      zone: "UTC",
      refreshMs: 1000,
      currency: "EUR",
      languages: ["en"],
    });
    await fleet.refresh({ index: true });
    assert.deepEqual(
      fleet.troubles.map(({ file, error }) => [file, error?.kind]),
      [["index", "missing"]],
    );
  });
}
