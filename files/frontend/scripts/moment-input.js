/** Moments typed in: `datetime-local` inputs have no zone, so the page's choice of one is put to them. */

import { offsetAt } from "./time.js";

/** `2026-11-24T14:03:10`, as an input shows a moment in a zone. @param {number} at @param {string} zone */
export function localText(at, zone) {
  return new Date(at + offsetAt(at, zone)).toISOString().slice(0, 19);
}

/**
 * The moment that a text of an input means in a zone, null if none. Of a clock time that comes twice, the first; of one
 * that is left out, what the clock would have shown had it not been set.
 * @param {string} text @param {string} zone
 */
export function momentOfLocal(text, zone) {
  const local = Date.parse(`${text}Z`);
  if (!/^\d{4,6}-\d\d-\d\dT\d\d:\d\d/.test(text) || Number.isNaN(local)) return null;
  // Offsets of a day before and after: one of them is right, the first where both are.
  const candidates = [local - 86_400_000, local + 86_400_000].map((near) => local - offsetAt(near, zone));
  const right = candidates.filter((at) => at + offsetAt(at, zone) === local);
  return right.length > 0 ? Math.min(...right) : candidates[0];
}
