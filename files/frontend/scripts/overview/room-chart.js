/** The room's last 24 hours as a chart, stacked by group, and as a table. */

import { PowerChart } from "../chart/chart.js";
import { element } from "../element.js";
import * as format from "../format.js";
import { t } from "../language.js";
import { drawsForPaper } from "../printing.js";
import { clock, shortDate } from "../time.js";

/**
 * @typedef {import("./last-day.js").LastDay} LastDay
 * @typedef {import("./last-day.js").Part} Part
 */

const OTHERS_COLOUR = 6;

export class RoomChart {
  /** @param {HTMLElement} figure @param {HTMLDetailsElement} details with the table */
  constructor(figure, details) {
    this.details = details;
    this.table = /** @type {HTMLTableElement} */ (details.querySelector("table"));
    /** @type {LastDay | null} */
    this.day = null;
    this.zone = "UTC";
    this.kind = /** @type {"group" | "rack"} */ ("group");
    /** @type {[number, number] | null} the part of the day that is looked at */
    this.zoomed = null;
    this.chart = new PowerChart(figure, {
      onZoom: (span) => this.#look(span),
      onBack: () => this.#look(null),
    });
    drawsForPaper(this.chart);
    details.addEventListener("toggle", () => this.#fill());
  }

  /** @param {LastDay} day @param {"group" | "rack"} kind what the parts are @param {string} zone */
  show(day, kind, zone) {
    this.day = day;
    this.kind = kind;
    this.zone = zone;
    this.#draw();
    this.#fill();
  }

  /** @param {[number, number] | null} span null for the whole day */
  #look(span) {
    this.zoomed = span;
    this.#draw();
  }

  /** What of the day is looked at: it goes on while the visitor looks. @returns {[number, number]} */
  #window(/** @type {number} */ from, /** @type {number} */ to) {
    if (!this.zoomed) return [from, to];
    const [begin, end] = [Math.max(this.zoomed[0], from), Math.min(this.zoomed[1], to)];
    if (begin >= end || (begin === from && end === to)) this.zoomed = null;
    return begin < end ? [begin, end] : [from, to];
  }

  #draw() {
    if (!this.day) return;
    const { from, stepMs, at, parts } = this.day;
    const window = this.#window(from, from + at.length * stepMs);
    this.chart.canGoBack = this.zoomed !== null;
    this.chart.show({
      title: t("overview.all_machines"),
      window,
      zone: this.zone,
      stacked: true,
      lines: parts.map((part, i) => ({
        title: this.#title(part),
        colour: /** @type {1 | 2 | 3 | 4 | 5 | 6} */ (part.name === null ? OTHERS_COLOUR : i + 1),
        at,
        mean: part.mean,
        low: null,
        high: null,
        isStep: true,
      })),
      holes: [],
      caps: [],
      markers: [],
    });
  }

  #title(/** @type {Part} */ { name, others }) {
    if (name === null) return t(`overview.others_${this.kind}`, { n: others });
    if (this.day?.parts.length === 1 && name === "") return t("overview.all_machines");
    return name || t(`overview.no_${this.kind}`);
  }

  #fill() {
    if (!this.day || !this.details.open) return;
    const { at, parts, total } = this.day;
    const head = [t("overview.table_from"), t("overview.table_total"), ...parts.map((part) => this.#title(part))];
    const cell = (/** @type {number | null} */ watts) => element("td", {}, format.watts(watts));
    this.table.replaceChildren(
      element("thead", {}, element("tr", {}, ...head.map((text) => element("th", { scope: "col" }, text)))),
      element(
        "tbody",
        {},
        ...at.map((moment, i) =>
          element(
            "tr",
            {},
            element("th", { scope: "row" }, `${shortDate(moment, this.zone)}, ${clock(moment, this.zone, false)}`),
            cell(total[i]),
            ...parts.map(({ mean }) => cell(mean[i])),
          ),
        ),
      ),
    );
  }
}
