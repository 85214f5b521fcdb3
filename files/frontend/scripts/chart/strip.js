/** A strip of a wider span, in which the window of a chart is moved and stretched by mouse, finger and keys. */

import { element } from "../element.js";
import { t } from "../language.js";
import * as time from "../time.js";
import { paintBand, paintTicks } from "./drawing.js";

/**
 * @typedef {[number, number]} Span
 * @typedef {import("./lines.js").Drawn} Drawn
 * @typedef {"begin" | "window" | "end"} Part
 */

const PIXELS_PER_TICK = 96;
const TICK_ROOM = 18;
const SHORTEST_MS = 5000;
/** Widths of a handle and of the bar that is seen of it. */
const [HANDLE, BAR] = [24, 9];
const PARTS = /** @type {Part[]} */ (["begin", "window", "end"]);

export class Strip {
  /** @param {HTMLElement} root @param {{ onMove: (span: Span) => void, onMoved: (span: Span) => void }} handlers */
  constructor(root, handlers) {
    this.handlers = handlers;
    /** @type {Span} */
    this.span = [0, 1];
    /** @type {Span} */
    this.window = [0, 1];
    this.zone = "UTC";
    /** @type {Drawn | null} */
    this.line = null;
    /** @type {{ part: Part, x: number, window: Span } | null} */
    this.drag = null;
    /** As the browser told it: asking would make it lay out the page at once. */
    this.size = { width: 0, height: 0 };
    this.canvas = element("canvas", { "aria-hidden": "true" });
    this.shades = [0, 1].map(() => element("div", { class: "strip-shade" }));
    const slider = (/** @type {Part} */ part) =>
      element("div", {
        class: `strip-${part}`,
        role: "slider",
        tabindex: "0",
        "aria-label": t(`chart.strip_${part}`),
        onkeydown: (event) => this.#key(part, /** @type {KeyboardEvent} */ (event)),
      });
    this.parts = { window: slider("window"), begin: slider("begin"), end: slider("end") };
    this.root = root;
    root.classList.add("strip");
    root.append(this.canvas, ...this.shades, ...Object.values(this.parts));
    root.addEventListener("pointerdown", (event) => this.#down(event));
    root.addEventListener("pointermove", (event) => this.#move(event));
    root.addEventListener("pointerup", () => this.#up());
    root.addEventListener("pointercancel", () => this.#up());
    new ResizeObserver(([{ contentRect }]) => {
      this.size = contentRect;
      this.#draw();
    }).observe(root);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  /** Width in pixels, for `lines.js`. */
  get pixels() {
    return Math.max(this.size.width, 50);
  }

  /** Whether a hand is on it. */
  get isBusy() {
    return this.drag !== null;
  }

  /** @param {Span} span @param {Drawn | null} line @param {string} zone */
  show(span, line, zone) {
    this.span = span;
    this.line = line;
    this.zone = zone;
    this.#draw();
  }

  /** Where the chart's window is. @param {Span} window */
  mark(window) {
    this.window = window;
    const [left, right] = window.map((at) => Math.min(Math.max(this.#place(at), 0), this.pixels));
    const { begin, end, window: body } = this.parts;
    this.shades[0].style.width = `${left}px`;
    this.shades[1].style.left = `${right}px`;
    // Each of the three has room for a finger, beside the others, however narrow the window is; it is painted where it is.
    const seen = Math.max(right - left, 2);
    const wide = Math.min(Math.max(seen, HANDLE), this.pixels - 2 * HANDLE);
    const most = this.pixels - wide - 2 * HANDLE;
    const first = Math.min(Math.max((left + right - wide) / 2 - HANDLE, 0), most);
    place(begin, first, HANDLE, left - BAR, BAR);
    place(body, first + HANDLE, wide, left, seen);
    place(end, first + HANDLE + wide, HANDLE, left + seen, BAR);
    const [from, to] = window.map((at) => `${time.date(at, this.zone)}, ${time.clock(at, this.zone)}`);
    const said = { begin: from, end: to, window: t("chart.strip_span", { from, to }) };
    for (const part of PARTS) {
      const value = part === "end" ? window[1] : window[0];
      const slider = this.parts[part];
      slider.setAttribute("aria-valuemin", String(Math.round(Math.min(this.span[0], value) / 1000)));
      slider.setAttribute("aria-valuemax", String(Math.round(Math.max(this.span[1], value) / 1000)));
      slider.setAttribute("aria-valuenow", String(Math.round(value / 1000)));
      slider.setAttribute("aria-valuetext", said[part]);
    }
  }

  #place(/** @type {number} */ at) {
    const [from, to] = this.span;
    return ((at - from) / (to - from)) * this.pixels;
  }

  /** A window in the strip: pushed in as a whole, or one of its ends. */
  #within(/** @type {Part} */ part, /** @type {Span} */ [from, to]) {
    const [first, last] = this.span;
    const shortest = Math.max(SHORTEST_MS, (last - first) / this.pixels);
    if (part === "begin") return /** @type {Span} */ ([Math.min(Math.max(from, first), to - shortest), to]);
    if (part === "end") return /** @type {Span} */ ([from, Math.max(Math.min(to, last), from + shortest)]);
    const by = Math.max(first - from, 0) || Math.min(last - to, 0);
    return /** @type {Span} */ ([from + by, to + by]);
  }

  #moved(/** @type {Part} */ part, /** @type {Span} */ [from, to], /** @type {number} */ by) {
    return this.#within(part, [part === "end" ? from : from + by, part === "begin" ? to : to + by]);
  }

  #down(/** @type {PointerEvent} */ event) {
    if (event.button !== 0) return;
    const x = event.clientX - this.root.getBoundingClientRect().left;
    const part = PARTS.find((each) => this.parts[each] === event.target) ?? "window";
    this.root.setPointerCapture(event.pointerId);
    this.drag = { part, x, window: this.window };
    this.parts[part].focus({ preventScroll: true });
    if (event.target === this.parts[part]) return;
    // Beside the window: it comes to the hand, and goes with it.
    const [from, to] = this.window;
    const [first, last] = this.span;
    const middle = first + (x / this.pixels) * (last - first);
    this.drag.window = this.#within("window", [middle - (to - from) / 2, middle + (to - from) / 2]);
    this.#go(this.drag.window);
  }

  #move(/** @type {PointerEvent} */ event) {
    if (!this.drag) return;
    const { part, x, window } = this.drag;
    const by =
      ((event.clientX - this.root.getBoundingClientRect().left - x) / this.pixels) * (this.span[1] - this.span[0]);
    this.#go(this.#moved(part, window, by));
  }

  #up() {
    if (!this.drag) return;
    this.drag = null;
    if (this.hasMoved) this.handlers.onMoved(this.window);
    this.hasMoved = false;
  }

  hasMoved = false;

  #go(/** @type {Span} */ window) {
    this.hasMoved = true;
    this.mark(window);
    this.handlers.onMove(window);
  }

  #key(/** @type {Part} */ part, /** @type {KeyboardEvent} */ event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const [from, to] = this.window;
    const [first, last] = this.span;
    const small = part === "window" ? (to - from) / 10 : (last - first) / 100;
    const large = part === "window" ? to - from : (last - first) / 10;
    const by = {
      ArrowLeft: -small,
      ArrowDown: -small,
      ArrowRight: small,
      ArrowUp: small,
      PageDown: -large,
      PageUp: large,
      Home: first - (part === "end" ? to : from),
      End: last - (part === "begin" ? from : to),
    }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const window = this.#moved(part, this.window, by);
    this.mark(window);
    this.handlers.onMoved(window);
  }

  #draw() {
    const canvas = /** @type {HTMLCanvasElement} */ (this.canvas);
    const ctx = canvas.getContext("2d");
    const [width, height, ratio] = [this.pixels, this.size.height, devicePixelRatio];
    if (!ctx || height === 0) return;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const style = getComputedStyle(this.root);
    const colour = (/** @type {string} */ name) => style.getPropertyValue(`--chart-${name}`).trim();
    const [from, to] = this.span;
    const { at, unit } = time.axisTicks(from, to, this.zone, width / PIXELS_PER_TICK);
    const labels = time.tickLabels(at, unit, this.zone).map((text, i) => {
      const [, below] = text.split("\n");
      const isMidnight = below !== undefined && time.clock(at[i], this.zone) === "00:00:00" && unit === "minutes";
      return isMidnight ? below : text.replace("\n", " ");
    });
    const values = this.line?.high ?? this.line?.mean ?? [];
    const highest = values.reduce((/** @type {number} */ most, value) => Math.max(most, value ?? 0), 0) || 1;
    const paper = {
      ctx,
      left: 0,
      top: 0,
      width: canvas.width,
      height: canvas.height - TICK_ROOM * ratio,
      ratio,
      from,
      to,
      highest: highest * 1.1,
      font: `${11 * ratio}px ${style.fontFamily}`,
      colours: { line: colour("1"), text: colour("text"), grid: colour("grid") },
    };
    paintTicks(paper, at, labels, TICK_ROOM);
    if (this.line) paintBand(paper, this.line);
    this.mark(this.window);
  }
}

/** @param {HTMLElement} part @param {number} left @param {number} width @param {number} seenFrom @param {number} seen width of what is painted */
function place(part, left, width, seenFrom, seen) {
  part.style.left = `${left}px`;
  part.style.width = `${width}px`;
  part.style.setProperty("--seen-from", `${seenFrom - left}px`);
  part.style.setProperty("--seen", `${seen}px`);
}
