/** Figures as people read them, in the page's locale. What is computed is rounded half up. */

import { locale, t } from "./language.js";

/** @type {Map<string, Intl.NumberFormat>} Making a formatter costs far more than using it. */
const formatters = new Map();

function number(/** @type {number} */ value, /** @type {Intl.NumberFormatOptions} */ options) {
  const key = locale() + JSON.stringify(options);
  let found = formatters.get(key);
  if (!found) {
    found = new Intl.NumberFormat(locale(), options);
    formatters.set(key, found);
  }
  return found.format(value);
}

function fixed(/** @type {number} */ value, /** @type {number} */ digits) {
  return number(value, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** `1,284 W`, or a dash. @param {number | null} value */
export function watts(value) {
  return value === null ? "–" : `${fixed(value, 0)} W`;
}

/** `412.6 W`: of what was calculated. @param {number | null} value */
export function meanWatts(value) {
  return value === null ? "–" : `${fixed(value, 1)} W`;
}

/** `438.20 Wh`, or `13.227 kWh` from 1 kWh on. @param {number} wh */
export function energy(wh) {
  return Math.abs(wh) < 1000 ? wattHours(wh) : `${fixed(wh / 1000, 3)} kWh`;
}

/** `13,227.41 Wh`, as the command line prints it. @param {number} wh */
export function wattHours(wh) {
  return `${fixed(wh, 2)} Wh`;
}

/** @param {number} amount @param {string} currency ISO 4217 */
export function money(amount, currency) {
  const digits = amount !== 0 && Math.abs(amount) < 1 ? 4 : 2;
  return number(amount, {
    style: "currency",
    currency,
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** `€0.30`, with as many more digits as it has. @param {number} perKwh @param {string} currency */
export function rate(perKwh, currency) {
  return number(perKwh, { style: "currency", currency, maximumFractionDigits: 5 });
}

/** `412 g`, or `1.284 kg` from 1 kg on. @param {number} grams */
export function mass(grams) {
  return grams < 1000 ? `${fixed(grams, 0)} g` : `${fixed(grams / 1000, 3)} kg`;
}

/** `99.65 %`; only what is whole is 100 %. @param {number} share of 1 */
export function percent(share) {
  return share >= 1 ? `${fixed(100, 0)} %` : `${fixed(Math.floor(share * 10_000) / 100, 2)} %`;
}

/** Coverage: `99.65 %`, cut, so that only what is whole is 100 %. @param {number} coveredMs @param {number} spanMs */
export function coverage(coveredMs, spanMs) {
  return coveredMs >= spanMs ? percent(1) : `${fixed(Math.floor((coveredMs * 10_000) / spanMs) / 100, 2)} %`;
}

/** `2.5 %` @param {number} share of 1 */
export function tenthsOfPercent(share) {
  return `${fixed(share * 100, 1)} %`;
}

/** `8,640` @param {number} value */
export function count(value) {
  return fixed(value, 0);
}

const UNITS = /** @type {const} */ ([
  ["days", 86_400],
  ["hours", 3600],
  ["minutes", 60],
  ["seconds", 1],
]);

/** `7 min 50 s`, at most two units. @param {number} ms */
export function duration(ms) {
  const seconds = Math.round(Math.abs(ms) / 1000);
  let rest = seconds;
  const parts = UNITS.map(([unit, length]) => {
    const n = Math.floor(rest / length);
    rest -= n * length;
    return { unit, n };
  });
  const first = parts.findIndex(({ n }) => n > 0);
  if (first < 0) return t("units.seconds", { n: 0 });
  return parts
    .slice(first, first + 2)
    .filter(({ n }) => n > 0)
    .map(({ unit, n }) => t(`units.${unit}`, { n }))
    .join(" ");
}

/** `4 s`, `12 min`, `3 h`, `2 d`: one unit, rounded down. @param {number | null} ms */
export function age(ms) {
  if (ms === null) return "–";
  const seconds = Math.max(Math.floor(ms / 1000), 0);
  if (seconds < 120) return t("units.seconds", { n: seconds });
  if (seconds < 7200) return t("units.minutes", { n: Math.floor(seconds / 60) });
  if (seconds < 172_800) return t("units.hours", { n: Math.floor(seconds / 3600) });
  return t("units.days", { n: Math.floor(seconds / 86_400) });
}
