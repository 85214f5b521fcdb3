/** Steps of colour: round bounds between the values there are, so that a legend can say them. */

export const MOST_STEPS = 6;
/** A few days out of the ordinary do not take the colours from all others. */
const TAIL = 0.05;

/**
 * Ascending bounds between steps, at most one fewer than `MOST_STEPS`; a value that equals a bound is above it. None
 * where all values are about the same.
 * @param {number[]} values
 */
export function boundsOf(values) {
  const sorted = [...values].sort((a, b) => a - b);
  if (sorted.length === 0) return [];
  const at = (/** @type {number} */ share) => sorted[Math.round((sorted.length - 1) * share)];
  const [low, high] = [at(TAIL), at(1 - TAIL)];
  if (!(high > low)) return [];
  for (let exponent = Math.floor(Math.log10(high - low)) - 1; ; exponent++) {
    for (const digit of [1, 2, 5]) {
      const first = Math.floor(low / (digit * 10 ** exponent)) + 1;
      const last = Math.floor(high / (digit * 10 ** exponent));
      if (last - first + 1 >= MOST_STEPS) continue;
      // Of whole numbers, so that a bound is the number that it is written as.
      return Array.from({ length: Math.max(last - first + 1, 0) }, (_, i) =>
        Number(`${(first + i) * digit}e${exponent}`),
      );
    }
  }
}

/** The step of a value: 0 for below the first bound. @param {number[]} bounds @param {number} value */
export function stepOf(bounds, value) {
  return bounds.filter((bound) => bound <= value).length;
}

/**
 * A step's place in the ramp of `MOST_STEPS` colours, so that few steps are still as far apart as can be.
 * @param {number} step @param {number} steps how many there are
 */
export function colourOf(step, steps) {
  return steps < 2 ? Math.floor(MOST_STEPS / 2) : Math.round((step / (steps - 1)) * (MOST_STEPS - 1)) + 1;
}

/** A round number at or above a value, for the top of an axis: 1, 2, 2.5, 5 or 8 times a power of ten. @param {number} value */
export function roundAbove(value) {
  if (!(value > 0)) return 1;
  const exponent = Math.floor(Math.log10(value));
  const found = [1, 1.2, 1.6, 2, 2.5, 3, 4, 5, 6, 8, 10].find((digit) => Number(`${digit}e${exponent}`) >= value) ?? 10;
  return Number(`${found}e${exponent}`);
}
