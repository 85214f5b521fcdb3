/** What a chart draws, as a table: the window in a few parts, each with its exact mean, minimum and peak. */

import { lastAtOrBefore } from "../chart/lines.js";
import { element, fill } from "../element.js";
import { holds } from "../energy.js";
import * as format from "../format.js";
import { intervalAfter, stepsOf } from "../happenings.js";
import { t } from "../language.js";
import { ROW_MS } from "../published/history.js";
import { clock, date, ticks } from "../time.js";

const PARTS = 30;

/**
 * @typedef {[number, number]} Span
 * @typedef {{ from: number, to: number, mean: number | null, low: number | null, high: number | null }} Part
 */

/** @param {import("./drawing-data.js").Read} read @param {Span} window @param {string} zone @returns {Part[]} */
export function partsOf({ level, samples, rows, happened }, window, zone) {
  const inner = ticks(window[0], window[1], zone, PARTS).filter((at) => at > window[0] && at < window[1]);
  const sums = new Sums([window[0], ...inner, window[1]]);
  if (level === "samples" && samples) {
    const hold = holds(samples, intervalAfter(happened), stepsOf(happened.events));
    samples.at.forEach((at, i) => {
      sums.add(at, at + hold[i], samples.watts[i], samples.watts[i], samples.watts[i], 1);
    });
  } else if (level !== "samples" && rows) {
    rows.at.forEach((at, i) => {
      const covered = rows.coveredMs[i];
      const mean = covered > 0 ? rows.energyMsW[i] / covered : 0;
      sums.add(at, at + ROW_MS[level], mean, rows.low[i], rows.high[i], covered / ROW_MS[level]);
    });
  }
  return sums.parts();
}

class Sums {
  /** @param {number[]} edges */
  constructor(edges) {
    this.edges = edges;
    const size = edges.length - 1;
    this.weight = new Float64Array(size);
    this.sum = new Float64Array(size);
    this.low = new Float64Array(size).fill(Number.POSITIVE_INFINITY);
    this.high = new Float64Array(size).fill(Number.NEGATIVE_INFINITY);
  }

  /** What lies or holds in [begin, end). */
  add(
    /** @type {number} */ begin,
    /** @type {number} */ end,
    /** @type {number} */ mean,
    /** @type {number} */ low,
    /** @type {number} */ high,
    /** @type {number} */ share,
  ) {
    const { edges } = this;
    for (let k = Math.max(lastAtOrBefore(edges, begin), 0); k < this.sum.length && edges[k] <= end; k++) {
      const held = Math.min(end, edges[k + 1]) - Math.max(begin, edges[k]);
      const lies = begin >= edges[k] && begin < edges[k + 1];
      if (held <= 0 && !lies) continue;
      this.weight[k] += Math.max(held, 0) * share;
      this.sum[k] += Math.max(held, 0) * share * mean;
      this.low[k] = Math.min(this.low[k], low);
      this.high[k] = Math.max(this.high[k], high);
    }
  }

  /** @returns {Part[]} */
  parts() {
    const known = (/** @type {number} */ value) => (Number.isFinite(value) ? value : null);
    return Array.from(this.sum, (sum, k) => ({
      from: this.edges[k],
      to: this.edges[k + 1],
      mean: this.weight[k] > 0 ? sum / this.weight[k] : null,
      low: known(this.low[k]),
      high: known(this.high[k]),
    }));
  }
}

/** @param {Element} body of the table @param {Part[]} parts @param {string} zone */
export function fillTable(body, parts, zone) {
  const isOneDay = new Set(parts.map(({ from }) => date(from, zone))).size === 1;
  const when = (/** @type {number} */ at) => (isOneDay ? clock(at, zone) : `${date(at, zone)}, ${clock(at, zone)}`);
  const cell = (/** @type {string} */ text) => element("td", {}, text);
  fill(
    body,
    ...parts.map(({ from, to, mean, low, high }) =>
      element(
        "tr",
        {},
        element("th", { scope: "row" }, when(from)),
        cell(when(to)),
        cell(mean === null ? t("chart.no_reading") : format.meanWatts(mean)),
        cell(format.watts(low)),
        cell(format.watts(high)),
      ),
    ),
  );
}

/**
 * What stands in a chart beside its lines: markers and power caps, with their times.
 * @param {HTMLElement} list @param {import("../chart/chart.js").Picture} picture @param {(at: number) => string} when
 */
export function fillMarks(list, { markers, caps, window: [from, to] }, when) {
  const all = [
    ...markers,
    ...caps.map((cap) => ({
      begin: Math.max(cap.from, from),
      end: Math.min(cap.to ?? to, to),
      text: t("chart.cap", { watts: format.watts(cap.watts) }),
    })),
  ];
  const items = all
    .filter(({ begin, end }) => begin < to && (end ?? begin) >= from)
    .sort((a, b) => a.begin - b.begin)
    .map(({ begin, end, text }) =>
      element("li", {}, `${[begin, ...(end === null ? [] : [end])].map(when).join(" – ")}: ${text}`),
    );
  fill(list, ...items);
  list.hidden = items.length === 0;
}
