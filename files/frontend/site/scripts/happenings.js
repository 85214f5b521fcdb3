/** What events say of a series of samples: the interval in force, and the steps of the clock. */

/**
 * @typedef {import("./published/fleet.js").Happening} Happening
 */

/**
 * The interval in force at a moment, in ms.
 * @param {{ intervalMs: number, events: Happening[] }} happened @returns {(at: number) => number}
 */
export function intervalAfter({ intervalMs, events }) {
  const changes = events.filter(({ kind, value }) => kind === "interval" && value !== null && value > 0);
  return (at) => {
    let found = intervalMs;
    for (const { begin, value } of changes) if (begin <= at) found = /** @type {number} */ (value);
    return found;
  };
}

/** @param {Happening[]} events @returns {import("./energy.js").ClockStep[]} */
export function stepsOf(events) {
  return events
    .filter(({ kind, value }) => kind === "clock_step" && value !== null)
    .map(({ begin, end, value }) => ({ begin, end: end ?? begin, stepMs: Number(value) }));
}
