import assert from "node:assert/strict";
import { test } from "node:test";
import { isAligned, itemsOf, itemText, parseItem } from "../scripts/compare/items.js";
import { difference, greatest, totalOf } from "../scripts/compare/totals.js";

const SPAN = "2026-11-24T10:00:00Z/2026-11-24T11:00:00Z";

test("an item in an address comes back as it was", () => {
  for (const text of ["node01", "lab/node01", `node01@${SPAN}`, `lab/node01@${SPAN}`]) {
    assert.equal(itemText(/** @type {any} */ (parseItem(text))), text);
  }
});

test("what is no item is left out", () => {
  assert.deepEqual(
    itemsOf([
      "",
      `@${SPAN}`,
      "node01@2026",
      "node01@2026-11-24T11:00:00Z/2026-11-24T10:00:00Z",
      `a@${SPAN}@b`,
      "node02",
    ]),
    [{ machine: "node02", span: null }],
  );
});

test("items are aligned at their start only if their spans differ", () => {
  const common = /** @type {[number, number]} */ ([0, 10]);
  assert.equal(
    isAligned(
      [
        { machine: "a", span: null },
        { machine: "b", span: [0, 10] },
      ],
      common,
    ),
    false,
  );
  assert.equal(
    isAligned(
      [
        { machine: "a", span: null },
        { machine: "b", span: [5, 15] },
      ],
      common,
    ),
    true,
  );
});

test("a total is a hole where one of its parts is", () => {
  const first = { at: [0, 10, 20, 30], mean: [100, 110, null, 130] };
  const second = { at: [0, 20], mean: [50, 60] };
  assert.deepEqual(totalOf([first, second], [0, 40], 10).mean, [150, 160, null, 190]);
});

test("a total does not begin before each of its parts has", () => {
  assert.deepEqual(
    totalOf(
      [
        { at: [20], mean: [1] },
        { at: [0], mean: [2] },
      ],
      [0, 40],
      10,
    ).mean,
    [null, null, 3, 3],
  );
});

test("the greatest by energy, the first of equals first", () => {
  assert.deepEqual(greatest([{ energyWh: 1 }, { energyWh: 3 }, { energyWh: 3 }, { energyWh: 2 }], 3), [1, 2, 3]);
});

test("a difference from nothing has no share", () => {
  assert.deepEqual(difference(5, 0), { by: 5, share: null });
  assert.deepEqual(difference(5, 4), { by: 1, share: 0.25 });
  assert.equal(difference(5, null), null);
});
