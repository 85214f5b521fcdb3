/** The chart of one machine's watts: a figure with a drawn line, holes with their reasons, a cursor and a selection. */

import uPlot from "../vendor/uplot-1.6.32/uPlot.esm.js";
import { element } from "./element.js";
import * as format from "./format.js";
import { extent, holding, outageAt } from "./series.js";
import * as time from "./time.js";
import { reasonWords } from "./words.js";

const PIXELS_PER_TICK = 72;
const Y_AXIS = 64;
const FONT = '12px system-ui, -apple-system, "Segoe UI", sans-serif';
const COLOURS = ["line", "fill", "grid", "text", "hole", "surface"];
const linear = uPlot.paths.linear?.();
// A sample holds until the next one: that is a step, as long as one can see it.
const stepped = uPlot.paths.stepped?.({ align: 1 });

/**
 * @typedef {import("./series.js").Series} Series
 * @typedef {[number, number]} Span
 */

/** Drawn into a `figure`, whose `chart` property is the uPlot object: its `data` is what is drawn. */
export class PowerChart {
  /** @param {HTMLElement} figure @param {(span: Span | null) => void} onSelect */
  constructor(figure, onSelect) {
    this.figure = figure;
    this.onSelect = onSelect;
    /** @type {Series | null} */
    this.series = null;
    /** @type {Span} */
    this.window = [0, 1];
    /** @type {Span | null} */
    this.selection = null;
    this.zone = "UTC";
    this.dragging = false;
    /** @type {number | null} the other end of a selection made with the keyboard */
    this.anchor = null;
    /** @type {Record<string, string>} */
    this.colours = {};
    this.caption = element("figcaption");
    this.readout = element("p", { class: "readout", "aria-hidden": "true" });
    this.spoken = element("p", { class: "unseen", "aria-live": "polite" });
    this.plot = element("div", {
      class: "plot",
      tabindex: "0",
      role: "application",
      "aria-roledescription": "chart",
      onkeydown: (event) => this.#key(/** @type {KeyboardEvent} */ (event)),
    });
    figure.append(element("div", { class: "chart-head" }, this.caption, this.readout), this.plot, this.spoken);
    this.u = this.#made();
    Object.assign(figure, { chart: this.u });
    this.#followTouch();
    this.#readColours();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#readColours();
      this.u.redraw(false);
    });
    new ResizeObserver(() => this.#resize()).observe(this.plot);
    document.addEventListener("mouseup", () => {
      if (!this.dragging) return;
      this.dragging = false;
      this.#draw();
    });
  }

  /**
   * Draw a series over a window of time. While the visitor drags, the drawing waits.
   * @param {Series} series @param {Span} window @param {string} zone @param {string} title
   */
  show(series, window, zone, title) {
    this.series = series;
    this.window = window;
    this.zone = zone;
    const [first, last] = [time.date(window[0], zone), time.date(window[1] - 1, zone)];
    const days = first === last ? first : `${first} – ${last}`;
    this.caption.replaceChildren(element("strong", {}, title), ` ${days}, times in ${time.zoneLabel(zone, window[0])}`);
    this.plot.setAttribute(
      "aria-label",
      `Watts of ${title}, ${days}. Arrow keys move the cursor, with Shift they select a span, Escape clears it.`,
    );
    if (!this.dragging) this.#draw();
  }

  /** Mark a span, or none. @param {Span | null} span */
  select(span) {
    this.selection = span;
    if (!span) this.anchor = null;
    this.#mark();
  }

  #draw() {
    if (!this.series) return;
    this.u.setData(this.series.drawn);
  }

  #drawn() {
    this.#mark();
    this.#read();
  }

  #made() {
    const axis = {
      stroke: () => this.colours.text,
      font: FONT,
      grid: { stroke: () => this.colours.grid, width: 1 },
      ticks: { stroke: () => this.colours.grid, width: 1, size: 5 },
    };
    const options = {
      ...this.#size(),
      ms: 1,
      legend: { show: false },
      padding: [12, 26, 0, 0],
      scales: {
        x: { time: false, range: () => this.window },
        // From zero, so that load looks as large as it is.
        y: {
          range: (/** @type {uPlot} */ _u, /** @type {number} */ _low, /** @type {number} */ high) => [
            0,
            (high || 100) * 1.08,
          ],
        },
      },
      series: [
        {},
        {
          stroke: () => this.colours.line,
          fill: () => this.colours.fill,
          width: 1.25,
          paths: (/** @type {any} */ u, /** @type {number} */ i, /** @type {number} */ i0, /** @type {number} */ i1) =>
            (i1 - i0 > u.bbox.width ? linear : stepped)?.(u, i, i0, i1),
        },
      ],
      axes: [
        {
          ...axis,
          size: 46,
          splits: (
            /** @type {uPlot} */ u,
            /** @type {number} */ _i,
            /** @type {number} */ from,
            /** @type {number} */ to,
          ) => time.ticks(from, to, this.zone, (u.width - Y_AXIS) / PIXELS_PER_TICK),
          values: (/** @type {uPlot} */ _u, /** @type {number[]} */ at) => this.#tickLabels(at),
        },
        {
          ...axis,
          size: Y_AXIS,
          values: (/** @type {uPlot} */ _u, /** @type {number[]} */ values) =>
            values.map((value) => format.watts(value)),
          incrs: [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 2500, 5000, 10_000, 20_000, 50_000, 100_000],
        },
      ],
      cursor: {
        y: false,
        drag: { x: true, y: false, setScale: false },
        points: { size: 7, width: 2, fill: () => this.colours.surface, stroke: () => this.colours.line },
        bind: {
          mousedown:
            (/** @type {uPlot} */ _u, /** @type {Element} */ _t, /** @type {any} */ handle) =>
            (/** @type {MouseEvent} */ event) => {
              this.dragging = event.button === 0;
              // So that Escape clears what the mouse selects.
              this.plot.focus({ preventScroll: true });
              handle(event);
            },
          dblclick: () => () => this.onSelect(null),
        },
      },
      hooks: {
        drawClear: [(/** @type {uPlot} */ u) => this.#drawOutages(u)],
        // Only now are the scales those of what was set.
        draw: [() => this.#drawn()],
        setCursor: [() => this.#read()],
        setSelect: [(/** @type {uPlot} */ u) => this.#selected(u)],
      },
    };
    return new uPlot(/** @type {any} */ (options), [[], []], this.plot);
  }

  #size() {
    const { width, height } = this.plot.getBoundingClientRect();
    return { width: Math.max(Math.floor(width), 100), height: Math.max(Math.floor(height), 100) };
  }

  #resize() {
    const size = this.#size();
    if (size.width === this.u.width && size.height === this.u.height) return;
    this.u.setSize(size);
  }

  #readColours() {
    const style = getComputedStyle(document.documentElement);
    for (const name of COLOURS) this.colours[name] = style.getPropertyValue(`--chart-${name}`).trim();
  }

  #tickLabels(/** @type {number[]} */ moments) {
    const seconds = moments.length > 1 && moments[1] - moments[0] < 60_000;
    let day = "";
    return moments.map((at) => {
      const text = time.clock(at, this.zone, seconds);
      const date = time.shortDate(at, this.zone);
      if (date === day) return text;
      day = date;
      return `${text}\n${date}`;
    });
  }

  #drawOutages(/** @type {uPlot} */ u) {
    const { ctx, bbox } = u;
    const scale = devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.font = FONT.replace("12px", `${12 * scale}px`);
    ctx.textBaseline = "top";
    ctx.textAlign = "center";
    for (const { begin, end, reason } of this.series?.outages ?? []) {
      const left = Math.max(u.valToPos(begin, "x", true), bbox.left);
      const right = Math.min(u.valToPos(end ?? this.window[1], "x", true), bbox.left + bbox.width);
      if (right <= left) continue;
      const width = Math.max(right - left, scale);
      ctx.fillStyle = this.colours.hole;
      ctx.fillRect(left, bbox.top, width, bbox.height);
      const words = [reasonWords(reason), reason].find((each) => ctx.measureText(each).width + 12 * scale < width);
      if (!words) continue;
      ctx.fillStyle = this.colours.text;
      ctx.fillText(words, left + width / 2, bbox.top + 8 * scale);
    }
    ctx.restore();
  }

  #selected(/** @type {uPlot} */ u) {
    const { left, width } = u.select;
    if (width < 2) return;
    this.onSelect([u.posToVal(left, "x"), u.posToVal(left + width, "x")]);
  }

  #mark() {
    const { u, selection } = this;
    if (!u || this.dragging) return;
    const left = selection ? Math.max(u.valToPos(selection[0], "x"), 0) : 0;
    const right = selection ? Math.min(u.valToPos(selection[1], "x"), u.over.clientWidth) : 0;
    u.setSelect({ left, top: 0, width: Math.max(right - left, 0), height: u.over.clientHeight }, false);
  }

  /** What the cursor is at, in words; null where there is no cursor. */
  #atCursor() {
    const left = this.u.cursor.left ?? -1;
    if (!this.series || left < 0) return null;
    const at = this.u.posToVal(left, "x");
    const point = holding(this.series, at);
    const pixel = this.u.posToVal(left + 0.5, "x") - this.u.posToVal(left - 0.5, "x");
    if (!point) {
      const outage = outageAt(this.series, at);
      return { at, text: outage ? `no reading: ${reasonWords(outage.reason)}` : "no reading" };
    }
    const range = extent(this.series, at - pixel / 2, at + pixel / 2);
    const several = range && range.low < range.high;
    return {
      at: several ? at : point.at,
      text: several ? `${format.count(range.low)} to ${format.watts(range.high)}` : format.watts(point.watts),
    };
  }

  #read() {
    const found = this.#atCursor();
    this.readout.replaceChildren(
      ...(found ? [`${time.clock(found.at, this.zone)} `, element("strong", {}, found.text)] : []),
    );
  }

  #key(/** @type {KeyboardEvent} */ event) {
    if (event.key === "Escape") {
      this.onSelect(null);
      return;
    }
    if (event.ctrlKey || event.altKey || event.metaKey || !this.series) return;
    const [from, to] = this.window;
    const width = this.u.over.clientWidth;
    const left = this.u.cursor.left ?? -1;
    const at = left >= 0 ? this.u.posToVal(left, "x") : to;
    const pixel = (to - from) / width;
    const target = {
      ArrowLeft: this.#neighbour(at, -1, pixel),
      ArrowRight: this.#neighbour(at, 1, pixel),
      PageUp: at - (to - from) / 10,
      PageDown: at + (to - from) / 10,
      Home: from,
      End: to,
    }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    const next = Math.min(Math.max(target, from), to);
    this.u.setCursor({ left: this.u.valToPos(next, "x"), top: this.u.over.clientHeight / 2 });
    if (event.shiftKey) {
      this.anchor ??= at;
      if (this.anchor !== next) this.onSelect([Math.min(this.anchor, next), Math.max(this.anchor, next)]);
    } else this.anchor = null;
    const found = this.#atCursor();
    this.spoken.textContent = found ? `${time.clock(found.at, this.zone)}, ${found.text}` : "";
  }

  /** The next drawn point, at least a pixel away. */
  #neighbour(/** @type {number} */ at, /** @type {-1 | 1} */ direction, /** @type {number} */ pixel) {
    const [xs, ys] = this.series?.drawn ?? [[], []];
    const beyond = at + direction * pixel;
    let i = direction > 0 ? xs.findIndex((x) => x >= beyond) : xs.findLastIndex((x) => x <= beyond);
    while (i >= 0 && i < xs.length && ys[i] === null) i += direction;
    return xs[i] ?? beyond;
  }

  /** A finger moves the cursor by a tap and selects by a sideways drag; up and down scrolls the page. */
  #followTouch() {
    const { over } = this.u;
    /** @type {number | null} */
    let begin = null;
    const place = (/** @type {PointerEvent} */ event) => {
      const { left, width } = over.getBoundingClientRect();
      return Math.min(Math.max(event.clientX - left, 0), width);
    };
    over.addEventListener("pointerdown", (event) => {
      begin = event.pointerType === "touch" ? place(event) : null;
    });
    over.addEventListener("pointermove", (event) => {
      if (begin === null) return;
      const x = place(event);
      this.dragging = true;
      this.u.setCursor({ left: x, top: 0 });
      this.u.setSelect(
        { left: Math.min(begin, x), top: 0, width: Math.abs(x - begin), height: over.clientHeight },
        false,
      );
    });
    for (const end of /** @type {const} */ (["pointerup", "pointercancel"])) {
      over.addEventListener(end, () => {
        if (begin === null) return;
        begin = null;
        this.dragging = false;
        if (end === "pointerup") this.#selected(this.u);
        this.#draw();
      });
    }
  }
}
