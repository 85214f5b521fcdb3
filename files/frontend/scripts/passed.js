/** How much of a span has passed, as far as samples can tell. */

import { LONGEST_HOLD } from "./energy.js";

/**
 * The part of a window that counts: until now, or until the last sample while the next one is not yet due.
 * @param {[number, number]} window @param {number} now @param {number | undefined} last
 * @param {number} intervalMs @returns {[number, number]}
 */
export function passed([from, to], now, last, intervalMs) {
  const end = last !== undefined && last > from && now - last <= LONGEST_HOLD * intervalMs ? Math.min(last, now) : now;
  return [from, Math.max(Math.min(to, end), from)];
}
