/** What events say of a span. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { doubtsWithin } from "../scripts/happenings.js";

const event = (
  /** @type {string} */ kind,
  /** @type {number} */ begin,
  /** @type {number | null} */ end,
  reason = "",
) => ({
  kind,
  begin,
  end,
  reason,
  detail: "",
  value: null,
});

test("a span has the doubts of every sample in it, each once", () => {
  const events = [
    event("doubt", 1000, 2000, "jump"),
    event("outage", 0, null, "busy"),
    event("doubt", 3000, null, "inactive jump"),
  ];
  assert.deepEqual(doubtsWithin(events, [0, 1000]), []);
  assert.deepEqual(doubtsWithin(events, [0, 1001]), ["jump"]);
  assert.deepEqual(doubtsWithin(events, [2000, 3000]), []);
  assert.deepEqual(doubtsWithin(events, [1999, 9000]), ["jump", "inactive"]);
  assert.deepEqual(doubtsWithin([event("doubt", 0, null)], [0, 1]), []);
});
