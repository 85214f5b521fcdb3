/** What is compared: machines, each over a span; all over one, or some over spans of their own aligned at their start. */

import { iso, parseMoment } from "../time.js";

/** More cannot be told apart, in a table or beside each other. */
export const MOST_ITEMS = 50;

/**
 * @typedef {[number, number]} Span
 * @typedef {{ machine: string, span: Span | null }} Item `machine` as in addresses; `span` null for the common one
 */

/** `node01`, or `node01@2026-11-24T10:00:00Z/2026-11-24T11:00:00Z`; null if it is neither. @param {string} text @returns {Item | null} */
export function parseItem(text) {
  const [machine, times, more] = text.split("@");
  if (machine === "" || more !== undefined) return null;
  if (times === undefined) return { machine, span: null };
  const [from, to] = times.split("/").map(parseMoment);
  return from !== null && to !== null && from < to ? { machine, span: [from, to] } : null;
}

/** The inverse of parseItem. @param {Item} item */
export function itemText({ machine, span }) {
  return span ? `${machine}@${iso(span[0])}/${iso(span[1])}` : machine;
}

/** Items in an address, those that are none left out. @param {string[]} texts */
export function itemsOf(texts) {
  return texts
    .slice(0, MOST_ITEMS)
    .map(parseItem)
    .filter((item) => item !== null);
}

/** Whether the items' spans are not all the same: they are then drawn from their beginnings. @param {Item[]} items @param {Span} common */
export function isAligned(items, common) {
  const spans = items.map(({ span }) => span ?? common);
  return spans.some(([from, to]) => from !== spans[0][0] || to !== spans[0][1]);
}
