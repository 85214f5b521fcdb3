/**
 * What mouse, wheel and fingers mean on a chart. Places are pixels from the left edge of the plotting area. An element with
 * `data-edge` in there is an edge of the selection, to be taken hold of.
 */

/** @typedef {[number, number]} Span */
/** @typedef {"zoom" | "select" | "pan"} Tool */
/**
 * @typedef {{
 *   tool: () => Tool, window: () => Span, width: () => number, opposite: (edge: string) => number,
 *   point: (x: number | null) => void, rubber: (kind: "zoom" | "select", from: number, to: number) => void,
 *   move: (span: Span) => void, end: () => void, zoom: (span: Span) => void, select: (span: Span) => void, back: () => void
 * }} Meaning `move` goes on while a gesture does; `end` ends it without effect, `zoom` and `select` with; `opposite` is
 *   the place of the selection's other edge
 */

/** A shorter way is a click. */
const CLICK = 4;
const WHEEL_ENDS_MS = 160;

export class Gestures {
  /** @param {HTMLElement} over @param {Meaning} meaning */
  constructor(over, meaning) {
    this.over = over;
    this.meaning = meaning;
    /** @type {Map<number, number>} place by pointer */
    this.pointers = new Map();
    /** @type {{ kind: Tool | "pinch", down: number, places: number[], window: Span, hasMoved: boolean } | null} where it began: the pointer, the gesture */
    this.drag = null;
    this.wheelTimer = 0;
    const on = (/** @type {string} */ name, /** @type {(event: any) => void} */ listener) =>
      over.addEventListener(name, listener, { passive: false });
    on("pointerdown", (event) => this.#down(event));
    on("pointermove", (event) => this.#move(event));
    on("pointerup", (event) => this.#up(event));
    on("pointercancel", (event) => this.#cancel(event));
    on("pointerleave", ({ pointerType }) => {
      if (pointerType === "mouse" && !this.drag) meaning.point(null);
    });
    on("dblclick", () => meaning.back());
    on("wheel", (event) => this.#wheel(event));
  }

  /** Break off what is under way. Returns whether there was anything. */
  abort() {
    if (!this.drag && this.wheelTimer === 0) return false;
    clearTimeout(this.wheelTimer);
    this.wheelTimer = 0;
    this.#ended();
    this.meaning.end();
    return true;
  }

  #place(/** @type {MouseEvent} */ event) {
    const { left, width } = this.over.getBoundingClientRect();
    return Math.min(Math.max(event.clientX - left, 0), width);
  }

  #down(/** @type {PointerEvent} */ event) {
    if (event.button !== 0) return;
    const place = this.#place(event);
    this.pointers.set(event.pointerId, place);
    this.over.setPointerCapture(event.pointerId);
    const { meaning } = this;
    const places = [...this.pointers.values()];
    if (places.length > 2) return;
    const isTouch = event.pointerType === "touch";
    const { edge } = /** @type {HTMLElement} */ (event.target).dataset;
    const isEdge = edge !== undefined && places.length === 1;
    const tool = isEdge || event.shiftKey ? "select" : event.altKey ? "pan" : meaning.tool();
    if (places.length === 2) meaning.end();
    this.drag = {
      kind: places.length === 2 ? "pinch" : isTouch && tool === "zoom" ? "pan" : tool,
      down: place,
      places: isEdge ? [meaning.opposite(edge)] : places,
      window: meaning.window(),
      hasMoved: false,
    };
  }

  #move(/** @type {PointerEvent} */ event) {
    const { drag, meaning } = this;
    const place = this.#place(event);
    if (!drag || !this.pointers.has(event.pointerId)) {
      if (event.pointerType === "mouse") meaning.point(place);
      return;
    }
    this.pointers.set(event.pointerId, place);
    const places = [...this.pointers.values()];
    drag.hasMoved ||= drag.kind === "pinch" || Math.abs(place - drag.down) >= CLICK;
    if (!drag.hasMoved) return;
    if (drag.kind === "pinch") meaning.move(this.#pinched(places));
    else if (drag.kind === "pan") meaning.move(this.#panned(drag.window, drag.places[0] - places[0]));
    else {
      meaning.point(places[0]);
      meaning.rubber(drag.kind, drag.places[0], places[0]);
    }
  }

  #up(/** @type {PointerEvent} */ event) {
    const { drag, meaning } = this;
    if (!drag || !this.pointers.has(event.pointerId)) return;
    const place = this.#place(event);
    const now = meaning.window();
    this.#ended();
    if (!drag.hasMoved) {
      meaning.end();
      meaning.point(place);
    } else if (drag.kind === "pinch" || drag.kind === "pan") meaning.zoom(now);
    else {
      const [from, to] = drag.window;
      const moment = (/** @type {number} */ x) => from + (x / meaning.width()) * (to - from);
      const ends = [moment(drag.places[0]), moment(place)].sort((a, b) => a - b);
      if (ends[0] === ends[1]) meaning.end();
      else meaning[drag.kind](/** @type {Span} */ (ends));
    }
  }

  /** The browser takes the finger to scroll the page. */
  #cancel(/** @type {PointerEvent} */ event) {
    if (this.pointers.has(event.pointerId)) this.abort();
  }

  #ended() {
    for (const id of this.pointers.keys()) {
      if (this.over.hasPointerCapture(id)) this.over.releasePointerCapture(id);
    }
    this.pointers.clear();
    this.drag = null;
  }

  #panned(/** @type {Span} */ [from, to], /** @type {number} */ pixels) {
    const by = (pixels / this.meaning.width()) * (to - from);
    return /** @type {Span} */ ([from + by, to + by]);
  }

  /** The moments that were under the fingers stay under them. */
  #pinched(/** @type {number[]} */ places) {
    const { window, places: before } = /** @type {NonNullable<Gestures["drag"]>} */ (this.drag);
    const width = this.meaning.width();
    const [from, to] = window;
    const apart = (/** @type {number[]} */ [a, b]) => (Math.abs(b - a) < 16 ? 16 * (Math.sign(b - a) || 1) : b - a);
    const scale = Math.abs(apart(before) / apart(places));
    const held = from + ((before[0] + before[1]) / 2 / width) * (to - from);
    const begin = held - ((places[0] + places[1]) / 2 / width) * (to - from) * scale;
    return /** @type {Span} */ ([begin, begin + (to - from) * scale]);
  }

  #wheel(/** @type {WheelEvent} */ event) {
    const { meaning } = this;
    const isSideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (!event.ctrlKey && !isSideways) return;
    event.preventDefault();
    const unit = [1, 16, meaning.width()][event.deltaMode] ?? 1;
    const span = meaning.window();
    if (event.ctrlKey) {
      const scale = Math.exp(Math.min(Math.max(event.deltaY * unit, -50), 50) * 0.008);
      meaning.move(zoomed(span, span[0] + (this.#place(event) / meaning.width()) * (span[1] - span[0]), scale));
    } else meaning.move(this.#panned(span, (event.deltaX || event.deltaY) * unit));
    clearTimeout(this.wheelTimer);
    this.wheelTimer = window.setTimeout(() => {
      this.wheelTimer = 0;
      meaning.zoom(meaning.window());
    }, WHEEL_ENDS_MS);
  }
}

/** A span `scale` times as long in which a moment keeps its place. @param {Span} span @param {number} held @param {number} scale @returns {Span} */
export function zoomed([from, to], held, scale) {
  return [held - (held - from) * scale, held + (to - held) * scale];
}
