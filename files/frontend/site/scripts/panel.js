/** A machine over a span: the chart, the statistics of what is selected in it, and a table of what is drawn. */

import { PowerChart } from "./chart.js";
import { element, fill } from "./element.js";
import { parts, statistics } from "./energy.js";
import * as format from "./format.js";
import * as time from "./time.js";

/**
 * @typedef {[number, number]} Span
 * @typedef {{ series: import("./series.js").Series, window: Span, counted: Span, zone: string, title: string, whole: string }} Shown
 *   `window` is drawn; `counted` is the part of it that has passed; `whole` says in words what it is
 */

const TABLE_ROWS = 24;

export class Panel {
  /**
   * @param {HTMLElement} root @param {import("./published/site.js").Site} site
   * @param {(selection: Span | null) => void} onSelection called when the visitor changed the selection
   */
  constructor(root, site, onSelection) {
    this.site = site;
    this.onSelection = onSelection;
    /** @type {Span | null} */
    this.selection = null;
    this.zoomed = false;
    /** @type {Shown | null} */
    this.shown = null;
    this.root = root;
    this.heading = element("h2", { "aria-live": "polite" });
    this.zoom = element("button", { type: "button", onclick: () => this.#zoom(!this.zoomed) });
    this.clear = element("button", { type: "button", onclick: () => this.#choose(null) }, "Clear selection");
    this.share = element("span", { class: "hint" });
    this.tiles = element("dl", { class: "tiles" });
    this.table = element("tbody");
    this.details = element(
      "details",
      { class: "drawn", ontoggle: () => this.#table() },
      element("summary", {}, "Table of what is drawn"),
      element(
        "div",
        { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table of what is drawn" },
        element(
          "table",
          {},
          element(
            "thead",
            {},
            element(
              "tr",
              {},
              ...["From", "To", "Mean", "Minimum", "Peak", "Energy", "Covered"].map((name) =>
                element("th", { scope: "col" }, name),
              ),
            ),
          ),
          this.table,
        ),
      ),
    );
    const figure = element("figure", { class: "chart" });
    root.append(
      figure,
      element(
        "section",
        { class: "statistics" },
        element("div", { class: "statistics-head" }, this.heading, this.share, this.zoom, this.clear),
        this.tiles,
      ),
      this.details,
    );
    this.chart = new PowerChart(figure, (span) => this.#choose(span));
  }

  /** @param {Shown} shown */
  show(shown) {
    this.shown = shown;
    this.root.hidden = false;
    this.#render();
  }

  /** Show nothing: there is nothing to show, and what was there is of something else. */
  hide() {
    this.shown = null;
    this.root.hidden = true;
  }

  /** Set the selection from outside, such as the address. @param {Span | null} span */
  select(span) {
    this.selection = span;
    if (!span) this.zoomed = false;
    this.#render();
  }

  #choose(/** @type {Span | null} */ span) {
    // To whole seconds, so that the address says what is shown.
    const rounded = /** @type {Span | null} */ (span?.map((at) => Math.round(at / 1000) * 1000) ?? null);
    if (rounded && rounded[0] >= rounded[1]) return;
    this.select(rounded);
    this.onSelection(rounded);
  }

  #zoom(/** @type {boolean} */ zoomed) {
    this.zoomed = zoomed && this.selection !== null;
    this.#render();
  }

  #render() {
    if (!this.shown) return;
    const { series, window, zone, title } = this.shown;
    const drawn = this.zoomed && this.selection ? this.selection : window;
    this.chart.show(series, drawn, zone, title);
    this.chart.select(this.zoomed ? null : this.selection);
    this.#statistics();
    this.#table();
  }

  #statistics() {
    if (!this.shown) return;
    const { series, counted, zone, whole } = this.shown;
    const { selection } = this;
    const [from, to] = selection ?? counted;
    const found = statistics(series.samples, series.hold, from, to);
    const text = selection
      ? `Selected: ${time.clock(from, zone)} – ${time.clock(to, zone)}, ${format.duration(to - from)}`
      : whole;
    if (this.heading.textContent !== text) this.heading.textContent = text;
    this.share.textContent = selection ? "" : "Drag in the chart to select a span.";
    this.zoom.hidden = this.clear.hidden = selection === null;
    this.zoom.textContent = this.zoomed ? "Zoom out" : "Zoom in";
    const { tariffPerKwh, currency } = this.site;
    fill(
      this.tiles,
      tile("Mean", format.meanWatts(found.meanW), "weighted by time"),
      tile("Peak", format.watts(found.peak?.watts ?? null), found.peak && `at ${time.clock(found.peak.at, zone)}`),
      tile(
        "Minimum",
        format.watts(found.minimum?.watts ?? null),
        found.minimum && `at ${time.clock(found.minimum.at, zone)}`,
      ),
      tile(
        "Energy",
        found.coveredMs > 0 ? format.energy(found.energyWh) : "–",
        found.coverage < 0.995 && "of the covered time",
      ),
      tariffPerKwh === null
        ? null
        : tile(
            "Cost",
            found.coveredMs > 0 ? format.cost(found.energyWh, tariffPerKwh, currency) : "–",
            `at ${format.rate(tariffPerKwh, currency)} a kWh`,
          ),
      tile("Coverage", format.percent(found.coverage), `${format.count(found.count)} readings`),
    );
  }

  #table() {
    if (!this.shown || !(/** @type {HTMLDetailsElement} */ (this.details).open)) return;
    const { series, window, counted, zone } = this.shown;
    const [from, to] = this.zoomed && this.selection ? this.selection : [window[0], Math.min(window[1], counted[1])];
    const inner = time.ticks(from, to, zone, TABLE_ROWS).filter((at) => at > from && at < to);
    const cell = (/** @type {string} */ text) => element("td", {}, text);
    fill(
      this.table,
      ...parts(series.samples, series.hold, [from, ...inner, to]).map((part) =>
        element(
          "tr",
          {},
          element("th", { scope: "row" }, time.clock(part.from, zone)),
          cell(time.clock(part.to, zone)),
          cell(format.meanWatts(part.meanW)),
          cell(format.watts(part.minimum?.watts ?? null)),
          cell(format.watts(part.peak?.watts ?? null)),
          cell(part.coveredMs > 0 ? format.energy(part.energyWh) : "–"),
          cell(format.percent(part.coverage)),
        ),
      ),
    );
  }
}

/** @param {string} name @param {string} value @param {string | false | null} note */
function tile(name, value, note) {
  return element("div", {}, element("dt", {}, name), element("dd", {}, value, note && element("small", {}, note)));
}
