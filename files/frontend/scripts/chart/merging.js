/** Several lines over the same moments: side by side, or summed up for stacked areas. */

/**
 * @typedef {{ at: ArrayLike<number>, mean: (number | null)[] }} Line
 */

/**
 * All lines over all moments at which one of them has a point; where a line has none, its last value goes on.
 * @param {Line[]} lines @returns {{ at: ArrayLike<number>, values: (number | null)[][] }}
 */
export function merged(lines) {
  if (lines.length === 0) return { at: [], values: [] };
  if (lines.length === 1) return { at: lines[0].at, values: [lines[0].mean] };
  /** @type {number[]} */
  const at = [];
  /** @type {(number | null)[][]} */
  const values = lines.map(() => []);
  const next = lines.map(() => 0);
  for (;;) {
    let moment = Number.POSITIVE_INFINITY;
    for (let i = 0; i < lines.length; i++) {
      if (next[i] < lines[i].at.length) moment = Math.min(moment, lines[i].at[next[i]]);
    }
    if (moment === Number.POSITIVE_INFINITY) return { at, values };
    at.push(moment);
    for (let i = 0; i < lines.length; i++) {
      while (next[i] < lines[i].at.length && lines[i].at[next[i]] <= moment) next[i]++;
      values[i].push(next[i] > 0 ? lines[i].mean[next[i] - 1] : null);
    }
  }
}

/** Of the first, the first two, …; what is not known adds nothing, where nothing is known is a hole. @param {(number | null)[][]} values */
export function sums(values) {
  const isKnown = values[0]?.map((_, k) => values.some((each) => each[k] !== null)) ?? [];
  /** @type {(number | null)[][]} */
  const found = [];
  for (const line of values) {
    const below = found.at(-1);
    found.push(line.map((value, k) => (isKnown[k] ? (value ?? 0) + (below?.[k] ?? 0) : null)));
  }
  return found;
}
