/** Which span of time is in view: a preset that moves with the clock, or a span of its own, and the way back. */

import { HOUR, iso, parseMoment } from "../time.js";

const DAY = 24 * HOUR;

/** Spans until now, by their names in addresses. @type {Record<string, number>} */
export const PRESETS = {
  "15m": HOUR / 4,
  "1h": HOUR,
  "6h": 6 * HOUR,
  "24h": DAY,
  "7d": 7 * DAY,
  "30d": 30 * DAY,
  "1y": 365 * DAY,
};
export const USUAL_PRESET = "1h";
/** A window whose end is so near to now, in parts of its length, goes on with the clock. */
const NOW_WITHIN = 0.004;
const LONGEST = 20 * 366 * DAY;
/** Spans of the strip, of which the shortest is taken that is this many times as long as what it is to lead through. */
const STRIPS = [6 * HOUR, DAY, 7 * DAY, 30 * DAY, 366 * DAY];
const WIDER = 4;

/**
 * @typedef {[number, number]} Span
 * @typedef {{ preset: string | null, span: Span | null, slides: boolean }} View a preset, or a span; one that slides ends now
 */

export class Navigation {
  constructor() {
    /** @type {View} */
    this.view = presetView(USUAL_PRESET);
    /** @type {View[]} */
    this.before = [];
  }

  /** @param {string} preset */
  choose(preset) {
    this.view = presetView(preset);
    this.before = [];
  }

  /** A span that the visitor gave. @param {Span} span */
  go(span) {
    this.view = { preset: null, span, slides: false };
    this.before = [];
  }

  /** The window at a moment. @param {number} now @returns {Span} */
  window(now) {
    const { preset, span, slides } = this.view;
    if (span === null) return [now - PRESETS[preset ?? USUAL_PRESET], now];
    return slides ? [now - (span[1] - span[0]), now] : span;
  }

  /** Change the window by zooming or panning; panning leaves no step to go back to. @param {Span} span @param {number} now */
  zoom(span, now) {
    const before = this.window(now);
    const [from, to] = held(span, before, now);
    const length = to - from;
    const isPan = Math.abs(length / (before[1] - before[0]) - 1) < 0.001;
    if (!isPan || this.before.length === 0) this.before.push(this.view);
    this.view = { preset: null, span: [from, to], slides: now - to < length * NOW_WITHIN };
  }

  /** @returns {boolean} whether there was something to go back to */
  back() {
    const view = this.before.pop();
    if (view) this.view = view;
    return view !== undefined;
  }
}

function presetView(/** @type {string} */ preset) {
  return { preset, span: null, slides: true };
}

/** A span that does not lead into the future, nor become longer than there can be anything. */
function held(/** @type {Span} */ span, /** @type {Span} */ before, /** @type {number} */ now) {
  const [from, to] = whole(span);
  const length = Math.min(to - from, LONGEST);
  const latest = Math.max(now, before[1]);
  if (to <= latest) return [to - length, to];
  const isPan = Math.abs((to - from) / (before[1] - before[0]) - 1) < 0.001;
  return isPan ? [latest - length, latest] : [Math.min(from, latest - 1000), latest];
}

/** To whole seconds, so that the address says what is shown. @param {Span} span @returns {Span} */
export function whole([from, to]) {
  const [begin, end] = [Math.round(from / 1000) * 1000, Math.round(to / 1000) * 1000];
  return [begin, Math.max(end, begin + 1000)];
}

/** `2026-11-24T11:30:00Z/2026-11-24T11:40:00Z`, or null. @param {string | null} text @returns {Span | null} */
export function parseSpan(text) {
  const [from, to, more] = (text ?? "").split("/");
  const [begin, end] = [parseMoment(from), parseMoment(to)];
  return begin !== null && end !== null && begin < end && more === undefined ? [begin, end] : null;
}

/** The inverse of parseSpan. @param {Span} span */
export function spanText([from, to]) {
  return `${iso(from)}/${iso(to)}`;
}

/**
 * The wider span that the strip shows: the last one as long as the window lies well in it.
 * @param {Span} window @param {Span | null} last @param {number} now @param {number} begin of all that there is
 * @returns {Span}
 */
export function stripSpan([from, to], last, now, begin) {
  const length = to - from;
  if (last) {
    const wide = last[1] - last[0];
    const isIn = from >= last[0] && to <= last[1] + length * NOW_WITHIN;
    if (isIn && length <= wide * 0.7 && length >= wide / 60) return last;
  }
  const wide =
    STRIPS.find((each) => each >= length * WIDER) ??
    Math.max(length, (Math.max(now, to) - Math.min(begin, from)) * 1.02);
  const end = Math.max(Math.min(to + (wide - length) / 2, now), to);
  return [end - wide, end];
}
