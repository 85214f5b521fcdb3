/** Lines added up: what machines draw together, where all of them are known. */

/**
 * @typedef {{ at: ArrayLike<number>, mean: (number | null)[] }} Line drawn points; null begins a hole
 */

/**
 * The sum of lines over steps of a span. A step in which one of them is not known is a hole: a sum of the others would look
 * like a machine that was switched off.
 * @param {Line[]} lines @param {[number, number]} span @param {number} stepMs
 */
export function totalOf(lines, [from, to], stepMs) {
  const steps = Math.max(1, Math.ceil((to - from) / stepMs));
  const at = Array.from({ length: steps }, (_, i) => from + i * stepMs);
  /** @type {(number | null)[]} */
  const mean = new Array(steps).fill(0);
  for (const line of lines) {
    let i = -1;
    for (let step = 0; step < steps; step++) {
      while (i + 1 < line.at.length && line.at[i + 1] <= at[step] + stepMs / 2) i++;
      const watts = i < 0 ? null : line.mean[i];
      mean[step] = watts === null || mean[step] === null ? null : Number(mean[step]) + watts;
    }
  }
  return { at, mean, low: null, high: null, isStep: false };
}

/**
 * The places of those with the most energy, greatest first.
 * @param {{ energyWh: number }[]} figures @param {number} most
 */
export function greatest(figures, most) {
  return figures
    .map(({ energyWh }, i) => ({ energyWh, i }))
    .sort((a, b) => b.energyWh - a.energyWh || a.i - b.i)
    .slice(0, most)
    .map(({ i }) => i);
}

/**
 * How a figure differs from the first one's: absolute and as a share, null where either is not known.
 * @param {number | null} value @param {number | null} reference
 */
export function difference(value, reference) {
  if (value === null || reference === null) return null;
  return { by: value - reference, share: reference === 0 ? null : (value - reference) / reference };
}
