/** A chart of watts over time: a figure with lines, holes, caps and markers, a cursor that speaks, and a selection. */

import { element } from "../element.js";
import * as format from "../format.js";
import { t } from "../language.js";
import * as time from "../time.js";
import { reasonWords } from "../words.js";
import { paintCaps, paintHoles, paintLine, paintMarkers, paintStack, paperOf, within } from "./drawing.js";
import { Gestures, zoomed } from "./gestures.js";
import { lastAtOrBefore } from "./lines.js";
import { merged, sums } from "./merging.js";
import { Toolbar } from "./toolbar.js";

/** @type {any} */ (globalThis);

/**
 * @typedef {[number, number]} Span
 * @typedef {{
 *   title: string, colour: 1 | 2 | 3 | 4 | 5 | 6, at: ArrayLike<number>, mean: (number | null)[],
 *   low: (number | null)[] | null, high: (number | null)[] | null, isStep: boolean
 * }} Line as `lines.js` makes it
 * @typedef {{ begin: number, end: number | null, reason: string, detail: string }} Hole
 * @typedef {{ from: number, to: number | null, watts: number }} Cap
 * @typedef {{ begin: number, end: number | null, text: string }} Marker
 * @typedef {{ at: number, mean: number, low: number, high: number, isMean: boolean }} Value of a line at a moment
 * @typedef {{
 *   title: string, window: Span, zone: string, lines: Line[], stacked: boolean, holes: Hole[], caps: Cap[],
 *   markers: Marker[], isElapsed?: boolean, highest?: number
 * }} Picture with `isElapsed`, moments are ms since a beginning of which there are several; `highest` is that of several
 *   charts which are to be compared
 * @typedef {{
 *   onZoom?: (span: Span) => void, onSelect?: (span: Span | null) => void, onBack?: () => void,
 *   onMove?: (span: Span) => void, onResize?: () => void
 * }} Handlers without `onZoom` and `onSelect` the chart only shows; `onMove` is told every window while a gesture goes on,
 *   and may answer with `show`
 */

const PIXELS_PER_TICK = 72;
const SHORTEST_MS = 5000;
/** So far from its line, the cursor is at a marker of a moment. */
const MARKER_PIXELS = 4;
/** A cap that is higher than so many times the load is named, not drawn: the load would look flat. */
const CAP_IN_SIGHT = 2;
const NAMES = ["grid", "text", "hole", "surface", "cap", "marker"];
const Y_STEPS = [1, 2, 5, 10, 20, 25, 50].flatMap((n) => [n, n * 100, n * 10_000, n * 1_000_000]).sort((a, b) => a - b);

/** @type {Picture} */
const NOTHING = {
  title: "",
  window: [0, 1],
  zone: "UTC",
  lines: [],
  stacked: false,
  holes: [],
  caps: [],
  markers: [],
};

/** Drawn into a `figure`, whose `chart` property is the uPlot object: its `data` is what is drawn. */
export class PowerChart {
  /** @param {HTMLElement} figure @param {Handlers} [handlers] */
  constructor(figure, handlers = {}) {
    this.figure = figure;
    this.handlers = handlers;
    this.picture = NOTHING;
    /** @type {Span | null} the window of the gesture that is under way */
    this.moving = null;
    /** @type {Span | null} the window before it */
    this.resting = null;
    /** @type {Span | null} */
    this.selection = null;
    this.label = "";
    /** @type {number | null} the moment that the cursor is at */
    this.cursor = null;
    /** @type {number | null} the other end of a selection made with the keyboard */
    this.anchor = null;
    /** @type {Record<string, string>} */
    this.colours = {};
    this.font = "12px sans-serif";
    /** @type {(number | null)[][]} */
    this.sums = [];
    this.highest = 100;
    this.frame = 0;
    /** How wide the plotting area was when the picture was made, 0 when that is told. */
    this.shownAt = 0;
    /** @type {import("../time.js").TickUnit} */
    this.unit = "minutes";
    const canChange = handlers.onZoom !== undefined || handlers.onSelect !== undefined;
    this.toolbar = canChange ? new Toolbar(handlers) : null;
    this.caption = element("figcaption");
    this.readout = element("div", { class: "readout", "aria-hidden": "true" });
    this.spoken = element("p", { class: "unseen", "aria-live": "polite" });
    this.plot = element("div", {
      class: "plot",
      tabindex: "0",
      role: "application",
      "aria-roledescription": t("chart.role"),
      onkeydown: (event) => this.#key(/** @type {KeyboardEvent} */ (event)),
      onblur: () => {
        this.anchor = null;
        this.#point(null);
      },
    });
    figure.classList.add("chart");
    figure.append(
      element("div", { class: "chart-head" }, this.caption, this.toolbar?.root),
      this.readout,
      this.plot,
      this.spoken,
    );
    this.#readColours();
    this.u = this.#made(1);
    Object.assign(figure, { chart: this.u });
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.onScheme = () => {
      this.#readColours();
      this.u.redraw(false);
    };
    this.scheme.addEventListener("change", this.onScheme);
    this.observer = new ResizeObserver(() => this.#resize());
    this.observer.observe(this.plot);
  }

  /** Width of the plotting area, for `lines.js`. */
  get pixels() {
    return Math.max(Math.round(this.#width), 50);
  }

  /** Whether a gesture is under way; what is shown meanwhile keeps its window. */
  get isBusy() {
    return this.moving !== null;
  }

  /** Whether the button that goes back can be pressed. @param {boolean} can */
  set canGoBack(can) {
    this.toolbar?.allowBack(can);
  }

  /** @param {Picture} picture */
  show(picture) {
    this.picture = picture;
    this.shownAt = this.pixels;
    if (picture.lines.length !== this.u.series.length - 1 && picture.lines.length > 0) this.#remake();
    this.#name();
    this.#draw();
  }

  /** Mark a span, or none. @param {Span | null} span @param {string} [label] what it is called */
  select(span, label = "") {
    this.selection = span;
    this.label = label;
    if (!span) this.anchor = null;
    this.#mark();
  }

  /** Take the chart away. */
  remove() {
    this.observer.disconnect();
    this.scheme.removeEventListener("change", this.onScheme);
    this.u.destroy();
    this.figure.replaceChildren();
  }

  /** As uPlot has laid it out: asking the browser would make it lay out the page at once. */
  get #width() {
    return this.u.bbox.width / devicePixelRatio;
  }

  get #window() {
    return this.moving ?? this.picture.window;
  }

  /** Who is drawn, when, and in which zone. */
  #name() {
    const { title, window, zone, isElapsed } = this.picture;
    const [first, last] = [time.date(window[0], zone), time.date(window[1] - 1, zone)];
    const days = isElapsed ? t("chart.elapsed_days") : first === last ? first : `${first} – ${last}`;
    const when = isElapsed
      ? t("chart.elapsed", { zone })
      : t("chart.when", { days, zone: time.zoneLabel(zone, window[0]) });
    const key = [title, days, when].join("\n");
    if (this.caption.dataset.key === key) return;
    this.caption.dataset.key = key;
    this.caption.replaceChildren(element("strong", {}, title), ` ${when}`);
    this.plot.setAttribute("aria-label", t(this.toolbar ? "chart.label" : "chart.label_fixed", { title, days }));
  }

  #draw() {
    const { lines, stacked, caps } = this.picture;
    const all = merged(lines);
    this.sums = stacked ? sums(all.values) : [];
    let highest = this.picture.highest ?? 0;
    for (const values of stacked ? this.sums : lines.map(({ mean, high }) => high ?? mean)) {
      for (const value of values) if (value !== null && value > highest) highest = value;
    }
    const near = caps.filter(({ watts }) => watts <= highest * CAP_IN_SIGHT);
    this.highest = Math.max(highest, ...near.map(({ watts }) => watts)) || 100;
    const bands = lines.flatMap(({ mean, low, high }) => [low ?? mean, high ?? mean]);
    const drawn = stacked ? this.sums : all.values;
    this.u.setData(/** @type {any} */ ([all.at, ...(lines.length > 0 ? drawn : [[]]), ...(stacked ? [] : bands)]));
  }

  #remake() {
    this.u.destroy();
    this.u = this.#made(this.picture.lines.length);
    Object.assign(this.figure, { chart: this.u });
  }

  #made(/** @type {number} */ count) {
    const axis = {
      stroke: () => this.colours.text,
      font: this.font,
      grid: { stroke: () => this.colours.grid, width: 1 },
      ticks: { stroke: () => this.colours.grid, width: 1, size: 5 },
    };
    const options = {
      ...this.#size(),
      ms: 1,
      legend: { show: false },
      cursor: { show: false },
      padding: [12, 26, 0, 0],
      scales: {
        x: { time: false, range: () => this.#window },
        // From zero, so that load looks as large as it is; to a tick, so that the axis rests while values change.
        y: { range: () => [0, topOf(this.highest)] },
      },
      // Painted by us, all at once.
      series: [
        {},
        ...Array.from({ length: count }, (_, i) => ({
          paths: () => null,
          points: { show: false },
          stroke: () => this.colours[this.picture.lines[i]?.colour ?? 1],
        })),
      ],
      axes: [
        {
          ...axis,
          size: 46,
          splits: (
            /** @type {any} */ _u,
            /** @type {number} */ _i,
            /** @type {number} */ from,
            /** @type {number} */ to,
          ) => this.#ticks(from, to),
          values: (/** @type {any} */ _u, /** @type {number[]} */ at) =>
            this.picture.isElapsed ? at.map(format.duration) : time.tickLabels(at, this.unit, this.picture.zone),
        },
        {
          ...axis,
          size: (/** @type {any} */ _u, /** @type {string[] | null} */ values) =>
            18 + 7 * Math.max(...(values ?? []).map((each) => each.length), 5),
          values: (/** @type {any} */ _u, /** @type {number[]} */ values) => values.map((value) => format.watts(value)),
          incrs: Y_STEPS,
          space: 38,
        },
      ],
      hooks: {
        drawClear: [(/** @type {any} */ u) => this.#paintBehind(u)],
        drawAxes: [(/** @type {any} */ u) => this.#paint(u)],
        // Only now are the scales those of what was set.
        draw: [() => this.#placed()],
      },
    };
    // A script of its own, which has run when the page is there: there is no module of it that is minified.
    const { uPlot } = /** @type {any} */ (globalThis);
    const u = new uPlot(/** @type {any} */ (options), /** @type {any} */ (Array(count + 1).fill([])), this.plot);
    this.markName = element("span");
    const edges = this.handlers.onSelect ? ["from", "to"] : [];
    this.mark = element(
      "div",
      { class: "chart-selection", hidden: true },
      this.markName,
      ...edges.map((edge) => element("i", { "data-edge": edge })),
    );
    this.rubber = element("div", { class: "chart-rubber", hidden: true });
    this.cross = element("div", { class: "chart-cross", hidden: true });
    this.dots = Array.from({ length: count }, () => element("div", { class: "chart-dot", hidden: true }));
    u.over.append(this.mark, this.rubber, this.cross, ...this.dots);
    if (this.toolbar) this.gestures = this.#gestures(u);
    else this.#hover(u);
    return u;
  }

  #gestures(/** @type {any} */ u) {
    const { toolbar } = this;
    return new Gestures(u.over, {
      tool: () => toolbar?.tool ?? "zoom",
      window: () => this.#window,
      width: () => this.#width,
      opposite: (edge) => this.#place(Number(this.selection?.[edge === "from" ? 1 : 0])),
      point: (x) => {
        // So that Escape works after the mouse did something.
        if (x !== null && this.moving) this.plot.focus({ preventScroll: true });
        this.#point(x === null ? null : this.#moment(x));
      },
      rubber: (kind, from, to) => this.#stretch(kind, from, to),
      move: (span) => this.#move(span),
      end: () => this.#end(),
      zoom: (span) => this.#zoom(span),
      select: (span) => {
        this.#end();
        this.handlers.onSelect?.(span);
      },
      back: () => this.handlers.onBack?.(),
    });
  }

  #hover(/** @type {any} */ u) {
    const at = (/** @type {PointerEvent} */ event) =>
      this.#point(this.#moment(event.clientX - u.over.getBoundingClientRect().left));
    u.over.addEventListener("pointermove", at);
    u.over.addEventListener("pointerdown", at);
    u.over.addEventListener("pointerleave", () => this.#point(null));
  }

  #stretch(/** @type {"zoom" | "select"} */ kind, /** @type {number} */ from, /** @type {number} */ to) {
    // What is drawn must not move away under the hand.
    this.resting ??= this.picture.window;
    this.moving ??= this.picture.window;
    const { rubber } = this;
    if (!rubber) return;
    rubber.hidden = false;
    rubber.dataset.kind = kind;
    this.#mark();
    rubber.style.left = `${Math.min(from, to)}px`;
    rubber.style.width = `${Math.abs(to - from)}px`;
  }

  #move(/** @type {Span} */ span) {
    if (!this.handlers.onZoom) return;
    this.resting ??= this.picture.window;
    this.moving = longEnough(span);
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => {
      if (!this.moving) return;
      if (this.handlers.onMove) this.handlers.onMove(this.moving);
      else this.u.setData(this.u.data);
    });
  }

  /** A gesture is over, without effect. */
  #end() {
    cancelAnimationFrame(this.frame);
    const { resting } = this;
    this.moving = null;
    this.resting = null;
    if (this.rubber) this.rubber.hidden = true;
    if (!resting) return;
    this.picture = { ...this.picture, window: resting };
    if (this.handlers.onMove) this.handlers.onMove(resting);
    else this.#draw();
  }

  #zoom(/** @type {Span} */ span) {
    const wanted = longEnough(span);
    cancelAnimationFrame(this.frame);
    this.moving = null;
    this.resting = null;
    if (this.rubber) this.rubber.hidden = true;
    this.picture = { ...this.picture, window: wanted };
    if (this.handlers.onZoom) this.handlers.onZoom(wanted);
    else this.#draw();
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
    for (const name of [...NAMES, 1, 2, 3, 4, 5, 6]) {
      this.colours[name] = style.getPropertyValue(`--chart-${name}`).trim();
    }
    this.font = `12px ${getComputedStyle(this.figure).fontFamily}`;
  }

  #ticks(/** @type {number} */ from, /** @type {number} */ to) {
    const { isElapsed, zone } = this.picture;
    // Elapsed time goes on in days of 24 hours, without a calendar.
    const { at, unit } = time.axisTicks(from, to, isElapsed ? "UTC" : zone, this.pixels / PIXELS_PER_TICK);
    this.unit = unit;
    return at;
  }

  #paintBehind(/** @type {any} */ u) {
    const { holes } = this.picture;
    if (holes.length === 0) return;
    const paper = paperOf(u, this.font, this.colours);
    within(paper, () => paintHoles(paper, holes, ({ reason }) => [reasonWords(reason), t("chart.hole")]));
  }

  #paint(/** @type {any} */ u) {
    const { lines, stacked, caps, markers } = this.picture;
    const paper = paperOf(u, this.font, this.colours);
    within(paper, () => {
      if (stacked) {
        const colours = lines.map(({ colour }) => colour);
        paintStack(
          paper,
          u.data[0],
          this.sums,
          colours,
          lines.some(({ isStep }) => isStep),
        );
      } else for (const line of lines) paintLine(paper, line, lines.length === 1);
      paintCaps(paper, caps, (watts, isAbove) =>
        t(isAbove ? "chart.cap_above" : "chart.cap", { watts: format.watts(watts) }),
      );
      paintMarkers(
        paper,
        [...markers].sort((a, b) => a.begin - b.begin),
      );
    });
  }

  #placed() {
    this.#mark();
    this.#read();
    // The words of an axis took another width than those before them: the points are for other pixels.
    if (this.shownAt !== 0 && this.shownAt !== this.pixels) {
      this.shownAt = 0;
      queueMicrotask(() => this.handlers.onResize?.());
    }
  }

  /** @param {number} x */
  #moment(x) {
    const [from, to] = this.#window;
    return from + (x / this.#width) * (to - from);
  }

  /** @param {number} at */
  #place(at) {
    const [from, to] = this.#window;
    return ((at - from) / (to - from)) * this.#width;
  }

  #mark() {
    const { mark, markName, selection } = this;
    if (!mark || !markName) return;
    const left = selection ? Math.max(this.#place(selection[0]), -2) : 0;
    const right = selection ? Math.min(this.#place(selection[1]), this.#width + 2) : 0;
    // What is being selected anew takes its place.
    const isBeingChanged =
      this.moving !== null && this.rubber?.hidden === false && this.rubber.dataset.kind === "select";
    mark.hidden = !selection || right < left || isBeingChanged;
    if (markName.textContent !== this.label) markName.textContent = this.label;
    mark.style.left = `${left}px`;
    mark.style.width = `${Math.max(right - left, 1)}px`;
  }

  #point(/** @type {number | null} */ at) {
    this.cursor = at;
    this.#read();
  }

  /** Show what the cursor is at. */
  #read() {
    const { cursor, picture } = this;
    const [from, to] = this.#window;
    const isShown = cursor !== null && cursor >= from && cursor <= to && picture.lines.length > 0;
    if (this.cross) {
      this.cross.hidden = !isShown;
      if (isShown) this.cross.style.left = `${this.#place(cursor)}px`;
    }
    const values = isShown ? picture.lines.map((line) => this.#valueAt(line, cursor)) : [];
    this.dots?.forEach((dot, i) => {
      const value = values[i];
      dot.hidden = !value;
      if (!value) return;
      const sum = picture.stacked ? this.sums[i][Math.max(lastAtOrBefore(this.u.data[0], cursor ?? 0), 0)] : value.mean;
      dot.dataset.colour = String(picture.lines[i].colour);
      dot.style.left = `${this.#place(Number(cursor))}px`;
      dot.style.top = `${this.u.valToPos(Number(sum), "y")}px`;
    });
    const parts = isShown ? this.#reading(cursor, values) : this.#legend();
    const key = parts.map((part) => part.outerHTML).join("");
    if (this.readout.dataset.key === key) return;
    this.readout.dataset.key = key;
    this.readout.replaceChildren(...parts);
  }

  /** What a line says at a moment; null in a hole. @param {Line} line @param {number} at @returns {Value | null} */
  #valueAt({ at: xs, mean, low, high }, at) {
    const i = lastAtOrBefore(xs, at);
    const value = i < 0 ? null : mean[i];
    if (value === null) return null;
    // The last point has no successor that would say how long it holds.
    if (i === xs.length - 1 && at - xs[i] > 3 * Math.max(xs[i] - (xs[i - 1] ?? xs[i]), 1000)) return null;
    return { at: xs[i], mean: value, low: low?.[i] ?? value, high: high?.[i] ?? value, isMean: low !== null };
  }

  #reading(/** @type {number} */ cursor, /** @type {(Value | null)[]} */ values) {
    const { lines, holes, stacked } = this.picture;
    const at = values.length === 1 && values[0] ? values[0].at : cursor;
    const parts = [element("span", { class: "moment" }, this.#when(at))];
    if (lines.length === 1) parts.push(element("strong", {}, this.#words(values[0], cursor)), this.#range(values[0]));
    else {
      parts.push(
        ...lines.map((line, i) =>
          element(
            "span",
            {},
            swatch(line.colour),
            `${line.title} `,
            element("strong", {}, this.#words(values[i], cursor)),
          ),
        ),
      );
      if (stacked) {
        const sum = values.reduce((all, value) => all + (value?.mean ?? 0), 0);
        parts.push(element("span", {}, `${t("chart.sum")} `, element("strong", {}, format.watts(sum))));
      }
    }
    const hole = holes.find(({ begin, end }) => begin <= cursor && (end === null || cursor < end));
    if (lines.length > 1 && hole) parts.push(element("span", {}, reasonWords(hole.reason)));
    parts.push(...this.#standing(cursor).map((text) => element("em", {}, text)));
    return parts;
  }

  /** Markers and caps at a moment, in words. @param {number} at */
  #standing(at) {
    const { markers, caps } = this.picture;
    const isAt = (/** @type {number} */ begin, /** @type {number | null} */ end) =>
      end === null ? Math.abs(this.#place(begin) - this.#place(at)) <= MARKER_PIXELS : begin <= at && at < end;
    return [
      ...markers.filter(({ begin, end }) => isAt(begin, end)).map(({ text }) => text),
      ...caps
        .filter(({ from, to }) => isAt(from, to ?? Number.POSITIVE_INFINITY))
        .map(({ watts }) => t("chart.cap", { watts: format.watts(watts) })),
    ];
  }

  #range(/** @type {Value | null} */ value) {
    if (!value || value.low === value.high) return element("span");
    const [low, high] = [format.count(value.low), format.watts(value.high)];
    return element("span", {}, t("chart.range", { low, high }));
  }

  #words(/** @type {Value | null} */ value, /** @type {number} */ cursor) {
    if (value) return value.isMean && value.low < value.high ? format.meanWatts(value.mean) : format.watts(value.mean);
    const hole = this.picture.holes.find(({ begin, end }) => begin <= cursor && (end === null || cursor < end));
    return hole ? t("chart.no_reading_why", { reason: reasonWords(hole.reason) }) : t("chart.no_reading");
  }

  #when(/** @type {number} */ at) {
    const { zone, isElapsed } = this.picture;
    if (isElapsed) return t("chart.elapsed_at", { duration: format.duration(at) });
    return `${time.date(at, zone)}, ${time.clock(at, zone)}`;
  }

  /** Without a cursor: which line is which. */
  #legend() {
    const { lines } = this.picture;
    if (lines.length > 1) return lines.map((line) => element("span", {}, swatch(line.colour), line.title));
    return lines[0]?.low ? [element("span", {}, t("chart.band"))] : [];
  }

  #key(/** @type {KeyboardEvent} */ event) {
    const { handlers } = this;
    if (event.key === "Escape") {
      if (!this.gestures?.abort()) handlers.onBack?.();
      return;
    }
    if (event.ctrlKey || event.altKey || event.metaKey || this.picture.lines.length === 0) return;
    const [from, to] = this.#window;
    const at = this.cursor !== null && this.cursor >= from && this.cursor <= to ? this.cursor : to;
    if (handlers.onZoom && ["+", "=", "-", "Enter"].includes(event.key)) {
      event.preventDefault();
      if (event.key !== "Enter") {
        this.#zoom(zoomed([from, to], this.cursor === null ? (from + to) / 2 : at, event.key === "-" ? 2 : 0.5));
      } else if (this.selection) this.#zoom(this.selection);
      return;
    }
    const target = {
      ArrowLeft: this.#neighbour(at, -1),
      ArrowRight: this.#neighbour(at, 1),
      PageUp: at - (to - from) / 10,
      PageDown: at + (to - from) / 10,
      Home: from,
      End: to,
    }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    const next = Math.min(Math.max(target, from), to);
    if (event.shiftKey && handlers.onSelect) {
      this.anchor ??= at;
      if (this.anchor !== next) handlers.onSelect([Math.min(this.anchor, next), Math.max(this.anchor, next)]);
    } else this.anchor = null;
    this.#point(next);
    this.#speak(next);
  }

  #speak(/** @type {number} */ at) {
    const { lines } = this.picture;
    const said = lines.map((line) => {
      const value = this.#valueAt(line, at);
      const range = value && value.low < value.high ? ` ${this.#range(value).textContent}` : "";
      return `${lines.length > 1 ? `${line.title} ` : ""}${this.#words(value, at)}${range}`;
    });
    this.spoken.textContent = [this.#when(at), ...said, ...this.#standing(at)].join(", ");
  }

  /** The next drawn point of the first line, at least a pixel away; of a hole, which has its reason, one. */
  #neighbour(/** @type {number} */ at, /** @type {-1 | 1} */ direction) {
    const [{ at: xs, mean }] = this.picture.lines;
    const [from, to] = this.#window;
    const beyond = at + (direction * (to - from)) / this.pixels;
    let i = lastAtOrBefore(xs, beyond);
    if (direction > 0 && xs[i] !== beyond) i++;
    const isInHole = (mean[lastAtOrBefore(xs, at)] ?? null) === null;
    while (isInHole && i >= 0 && i < xs.length && mean[i] === null) i += direction;
    return xs[i] ?? beyond;
  }
}

function swatch(/** @type {number} */ colour) {
  return element("i", { class: "swatch", "data-colour": String(colour) });
}

/** The first tick above the highest value. @param {number} highest */
function topOf(highest) {
  const step = Y_STEPS.find((each) => (highest * 1.04) / each <= 8) ?? highest;
  return Math.ceil((highest * 1.04) / step) * step;
}

/** @param {Span} span @returns {Span} */
function longEnough([from, to]) {
  if (to - from >= SHORTEST_MS) return [from, to];
  const middle = (from + to) / 2;
  return [middle - SHORTEST_MS / 2, middle + SHORTEST_MS / 2];
}
