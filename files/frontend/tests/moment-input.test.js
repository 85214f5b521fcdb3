import assert from "node:assert/strict";
import { test } from "node:test";
import { localText, momentOfLocal } from "../scripts/moment-input.js";

const at = (/** @type {string} */ text) => Date.parse(text);

test("what an input shows comes back as the moment", () => {
  for (const zone of ["UTC", "America/Sao_Paulo", "Asia/Kolkata", "Australia/Lord_Howe"]) {
    for (const moment of ["2026-01-01T00:00:00Z", "2026-06-30T23:59:59Z"]) {
      assert.equal(momentOfLocal(localText(at(moment), zone), zone), at(moment));
    }
  }
});

test("a clock time that comes twice is the first, one that is left out is of the clock before", () => {
  assert.equal(momentOfLocal("2026-10-25T02:30", "Europe/Berlin"), at("2026-10-25T00:30:00Z"));
  assert.equal(momentOfLocal("2026-03-29T02:30", "Europe/Berlin"), at("2026-03-29T01:30:00Z"));
});

test("what is no time is none", () => {
  for (const text of ["", "2026-13-01T00:00", "today"]) assert.equal(momentOfLocal(text, "UTC"), null);
});
