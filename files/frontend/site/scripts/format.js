/** Figures as people read them. */

const LANGUAGE = "en";
const whole = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 0 });

/** `1,284 W`, or a dash. @param {number | null} value */
export function watts(value) {
  return value === null ? "–" : `${whole.format(value)} W`;
}

/** `412.6 W`: of what was calculated. @param {number | null} value */
export function meanWatts(value) {
  return value === null ? "–" : `${fixed(value, 1)} W`;
}

/** `438.20 Wh`, or `13.227 kWh` from 1 kWh on. @param {number} wh */
export function energy(wh) {
  return wh < 1000 ? `${fixed(wh, 2)} Wh` : `${fixed(wh / 1000, 3)} kWh`;
}

/** @param {number} wh @param {number} perKwh @param {string} currency */
export function cost(wh, perKwh, currency) {
  const amount = (wh / 1000) * perKwh;
  const digits = amount !== 0 && amount < 1 ? 4 : 2;
  return new Intl.NumberFormat(LANGUAGE, {
    style: "currency",
    currency,
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(amount);
}

/** `€0.30`, with as many more digits as it has. @param {number} perKwh @param {string} currency */
export function rate(perKwh, currency) {
  return new Intl.NumberFormat(LANGUAGE, { style: "currency", currency, maximumFractionDigits: 5 }).format(perKwh);
}

/** `99.65 %`; only what is whole is 100 %. @param {number} share of 1 */
export function percent(share) {
  return share >= 1 ? "100 %" : `${fixed(Math.floor(share * 10_000) / 100, 2)} %`;
}

/** `8,640` @param {number} value */
export function count(value) {
  return whole.format(value);
}

/** `7 min 50 s`, at most two units. @param {number} ms */
export function duration(ms) {
  const seconds = Math.round(Math.abs(ms) / 1000);
  const units = [
    { name: "d", value: Math.floor(seconds / 86_400) },
    { name: "h", value: Math.floor(seconds / 3600) % 24 },
    { name: "min", value: Math.floor(seconds / 60) % 60 },
    { name: "s", value: seconds % 60 },
  ];
  const first = units.findIndex(({ value }) => value > 0);
  if (first < 0) return "0 s";
  return units
    .slice(first, first + 2)
    .filter(({ value }) => value > 0)
    .map(({ name, value }) => `${value} ${name}`)
    .join(" ");
}

/** `4 s`, `12 min`, `3 h`, `2 d`: one unit, rounded down. @param {number | null} ms */
export function age(ms) {
  if (ms === null) return "–";
  const seconds = Math.max(Math.floor(ms / 1000), 0);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

function fixed(/** @type {number} */ value, /** @type {number} */ digits) {
  return value.toLocaleString(LANGUAGE, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
