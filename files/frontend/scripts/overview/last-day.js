/** The last 24 hours of all machines together, by group: sums of the collectors' steps on one clock. */

/** The longest and shortest steps that are drawn; a collector chooses its own. */
const [SHORTEST_MS, LONGEST_MS, USUAL_MS] = [60_000, 3_600_000, 900_000];
const DAY_MS = 86_400_000;
/** So many groups have a colour of their own. */
const MOST = 5;

/**
 * @typedef {import("./entries.js").Entry} Entry
 * @typedef {import("../published/overview.js").Overview} Overview
 * @typedef {{ name: string | null, mean: (number | null)[], others: number }} Part the others together have no name; `others`
 *   says how many groups they are
 * @typedef {{ from: number, stepMs: number, at: number[], parts: Part[], total: (number | null)[], covered: number | null }} LastDay
 *   `covered`: the share of the machines' steps that have a figure
 */

/**
 * @param {Entry[]} entries @param {Map<string, Overview>} overviews by collector @param {"group" | "rack"} by
 * @param {number} now @returns {LastDay}
 */
export function lastDayOf(entries, overviews, by, now) {
  const known = [...overviews.values()];
  const longest = Math.max(...known.map(({ stepMs }) => stepMs));
  const stepMs = known.length > 0 ? Math.min(Math.max(longest, SHORTEST_MS), LONGEST_MS) : USUAL_MS;
  const steps = Math.round(DAY_MS / stepMs);
  const from = endOf(known, stepMs, now) - steps * stepMs;
  /** @type {Map<string, { sums: Float64Array, counts: Uint32Array, wattSteps: number }>} */
  const groups = new Map();
  let figures = 0;
  for (const { machine, summary } of entries) {
    const name = machine[by];
    const group = groups.get(name) ?? {
      sums: new Float64Array(steps),
      counts: new Uint32Array(steps),
      wattSteps: 0,
    };
    groups.set(name, group);
    const overview = overviews.get(machine.collector);
    if (!summary || !overview) continue;
    const means = aligned(summary.mean, overview, from, stepMs, steps);
    for (let i = 0; i < steps; i++) {
      const watts = means[i];
      if (watts === null) continue;
      group.sums[i] += watts;
      group.counts[i]++;
      group.wattSteps += watts;
      figures++;
    }
  }
  // The largest are named; what has no group is one of the others, as long as there are others.
  const ranked = [...groups].toSorted(([, a], [, b]) => b.wattSteps - a.wattSteps);
  const own = ranked.length <= MOST + 1 ? ranked.length : MOST;
  const others = ranked.slice(own).map(([, group]) => group);
  /** @type {Part[]} */
  const parts = ranked.slice(0, own).map(([name, group]) => ({ name, mean: meansOf([group]), others: 0 }));
  if (others.length > 0) parts.push({ name: null, mean: meansOf(others), others: others.length });
  return {
    from,
    stepMs,
    at: Array.from({ length: steps }, (_, i) => from + i * stepMs),
    parts,
    total: meansOf(ranked.map(([, group]) => group)),
    covered: entries.length > 0 ? figures / (entries.length * steps) : null,
  };
}

/** Where the day ends: at the end of the newest file's last step, or of the present one where all files are old. */
function endOf(/** @type {Overview[]} */ overviews, /** @type {number} */ stepMs, /** @type {number} */ now) {
  const present = (Math.floor(now / stepMs) + 1) * stepMs;
  const newest = Math.max(...overviews.map(({ from, steps, stepMs: own }) => from + steps * own));
  const end = Math.ceil(newest / stepMs) * stepMs;
  return end <= present && present - end <= 2 * stepMs ? end : present;
}

/**
 * A collector's means on the common steps: the mean of what is known of each.
 * @param {(number | null)[]} values @param {Overview} overview @param {number} from @param {number} stepMs @param {number} steps
 */
function aligned(values, overview, from, stepMs, steps) {
  const ratio = overview.stepMs / stepMs;
  const offset = (overview.from - from) / stepMs;
  if (ratio === 1 && Number.isInteger(offset)) {
    return Array.from({ length: steps }, (_, i) => values[i - offset] ?? null);
  }
  const sums = new Float64Array(steps);
  const weights = new Float64Array(steps);
  values.forEach((watts, k) => {
    if (watts === null) return;
    const [begin, end] = [offset + k * ratio, offset + (k + 1) * ratio];
    for (let i = Math.max(Math.floor(begin), 0); i < Math.min(Math.ceil(end), steps); i++) {
      const weight = Math.min(end, i + 1) - Math.max(begin, i);
      sums[i] += weight * watts;
      weights[i] += weight;
    }
  });
  return Array.from(sums, (sum, i) => (weights[i] > 0 ? sum / weights[i] : null));
}

/** @param {{ sums: Float64Array, counts: Uint32Array }[]} groups @returns {(number | null)[]} null where all are missing */
function meansOf(groups) {
  const steps = groups[0]?.sums.length ?? 0;
  return Array.from({ length: steps }, (_, i) => {
    const any = groups.some(({ counts }) => counts[i] > 0);
    return any ? groups.reduce((sum, { sums }) => sum + sums[i], 0) : null;
  });
}

/** The step with the greatest total. @param {LastDay} day @returns {{ at: number, watts: number } | null} */
export function highest({ at, total }) {
  let best = null;
  for (const [i, watts] of total.entries()) {
    if (watts !== null && (best === null || watts > best.watts)) best = { at: at[i], watts };
  }
  return best;
}
