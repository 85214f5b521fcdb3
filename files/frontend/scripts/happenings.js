/** What events say of a series of samples: the interval in force, the steps of the clock, what to doubt. */

/**
 * @typedef {import("./published/fleet.js").Happening} Happening
 */

/**
 * The interval in force at a moment, in ms.
 * @param {{ intervalMs: number, events: Happening[] }} happened @returns {(at: number) => number}
 */
export function intervalAfter({ intervalMs, events }) {
  const changes = events.filter(({ kind, value }) => kind === "interval" && value !== null && value > 0);
  if (changes.length === 0) return () => intervalMs;
  return (at) => {
    let found = intervalMs;
    for (const { begin, value } of changes) if (begin <= at) found = /** @type {number} */ (value);
    return found;
  };
}

/**
 * The steps of the clock; those between the same two samples begin at the same one, and add up.
 * @param {Happening[]} events @returns {import("./energy.js").ClockStep[]}
 */
export function stepsOf(events) {
  /** @type {Map<number, import("./energy.js").ClockStep>} */
  const found = new Map();
  for (const { kind, begin, end, value } of events) {
    if (kind !== "clock_step" || value === null) continue;
    const before = found.get(begin);
    found.set(begin, { begin, end: end ?? begin, stepMs: Number(value) + (before?.stepMs ?? 0) });
  }
  return [...found.values()];
}

/**
 * The flags that some sample of a span has.
 * @param {Happening[]} events @param {[number, number]} span @returns {string[]}
 */
export function doubtsWithin(events, [from, to]) {
  const found = events.filter(({ kind, begin, end }) => kind === "doubt" && begin < to && (end === null || end > from));
  return [...new Set(found.flatMap(({ reason }) => reason.split(" ").filter((flag) => flag !== "")))];
}
