/** How the visitor wants to see the machines: what of the overview is in the address. */

/** The columns to sort by, and whether their greatest values come first at the first click. */
export const COLUMNS = { name: 1, state: 1, watts: -1, age: -1, peak: -1, energy: -1, coverage: 1 };
export const GROUPINGS = /** @type {const} */ (["group", "rack", "none"]);
export const STATES = /** @type {const} */ ([
  "fresh",
  "silent",
  "stale",
  "waiting",
  "unknown",
  "doubtful",
  "incomplete",
]);

/**
 * @typedef {keyof typeof COLUMNS} Column
 * @typedef {{ column: Column, direction: 1 | -1 }} Sort
 * @typedef {{
 *   show: "rows" | "tiles", by: typeof GROUPINGS[number], sort: Sort, text: string, state: typeof STATES[number] | null
 * }} Choice
 */

/** @param {URLSearchParams} query @returns {Choice} */
export function choiceOf(query) {
  const sort = query.get("sort") ?? "name";
  const column = sort.replace(/^-/, "");
  return {
    show: query.get("show") === "tiles" ? "tiles" : "rows",
    by: GROUPINGS.find((each) => each === query.get("by")) ?? "group",
    sort: Object.hasOwn(COLUMNS, column)
      ? { column: /** @type {Column} */ (column), direction: sort.startsWith("-") ? -1 : 1 }
      : { column: "name", direction: 1 },
    text: query.get("q") ?? "",
    state: STATES.find((each) => each === query.get("state")) ?? null,
  };
}

/** The parameters that say so; the usual is left out. @param {Choice} choice @returns {Record<string, string | null>} */
export function parametersOf({ show, by, sort, text, state }) {
  const sorted = `${sort.direction < 0 ? "-" : ""}${sort.column}`;
  return {
    show: show === "rows" ? null : show,
    by: by === "group" ? null : by,
    sort: sorted === "name" ? null : sorted,
    state,
    q: text === "" ? null : text,
  };
}

/** The order that a click on a column's head asks for. @param {Sort} sort @param {Column} column @returns {Sort} */
export function sortedBy(sort, column) {
  const first = /** @type {1 | -1} */ (COLUMNS[column]);
  if (sort.column !== column) return { column, direction: first };
  return { column, direction: sort.direction === 1 ? -1 : 1 };
}
