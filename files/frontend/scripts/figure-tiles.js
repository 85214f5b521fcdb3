/** The figures of a span as a list of names and values, with what each of them rests on. */

import { element, fill, setText } from "./element.js";
import * as format from "./format.js";
import { t } from "./language.js";
import { clock, date } from "./time.js";

/**
 * @typedef {import("./figures.js").Figures} Figures
 * @typedef {import("./figures.js").Extreme} Extreme
 * @typedef {{ currency: string, zone: string }} Shown the currency where the tariff names none; the zone of times
 */

export class FigureTiles {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.list = element("dl", { class: "tiles" });
    this.notes = element("ul", { class: "figure-notes" });
    /** Which tiles there are, and which of them have a note. */
    this.shape = "";
    this.noted = "";
    root.append(this.list, this.notes);
  }

  /**
   * @param {Figures} figures @param {Pick<import("./published/fleet.js").Machine, "tariff">} machine @param {Shown} shown
   */
  show(figures, { tariff }, { currency, zone }) {
    const isEmpty = figures.coveredMs === 0;
    const sameDay = date(figures.from, zone) === date(figures.to - 1, zone);
    const when = (/** @type {Extreme | null} */ extreme) => extreme && whenOf(extreme, zone, sameDay);
    const fromMeans = figures.meansOfMs > 0;
    const ofMeans = fromMeans ? t("figures.of_means", { length: format.duration(figures.meansOfMs) }) : null;
    const percentile = fromMeans ? format.meanWatts : format.watts;
    this.#set([
      tile("mean", format.meanWatts(figures.meanW), t("figures.mean_note")),
      tile("p95", percentile(figures.p95W), ofMeans ?? t("figures.p95_note")),
      tile("peak", format.watts(figures.peak?.watts ?? null), when(figures.peak)),
      tile("minimum", format.watts(figures.minimum?.watts ?? null), when(figures.minimum)),
      tile(
        "energy",
        isEmpty ? "–" : format.energy(figures.energyWh),
        isEmpty || figures.energyWh < 1000 ? null : format.wattHours(figures.energyWh),
      ),
      figures.cost === null
        ? null
        : tile(
            "cost",
            isEmpty ? "–" : format.money(figures.cost, tariff?.currency ?? currency),
            rates(tariff, currency),
          ),
      figures.co2G === null ? null : tile("co2", isEmpty ? "–" : format.mass(figures.co2G), null),
      tile("base", percentile(figures.baseW), ofMeans ?? t("figures.base_note")),
      tile(
        "coverage",
        format.coverage(figures.coveredMs, figures.spanMs),
        t("figures.readings", { n: figures.samples }),
      ),
    ]);
    const notes = notesOf(figures, zone);
    if (notes.join("\n") !== this.noted) fill(this.notes, ...notes.map((text) => element("li", {}, text)));
    this.noted = notes.join("\n");
    this.notes.hidden = notes.length === 0;
  }

  /** Tiles that stay are only given new texts. @param {(Tile | null)[]} tiles */
  #set(tiles) {
    const wanted = tiles.filter((each) => each !== null);
    const shape = wanted.map(({ name, note }) => `${name} ${note !== null}`).join();
    if (this.shape !== shape) fill(this.list, ...wanted.map(made));
    this.shape = shape;
    wanted.forEach(({ value, note }, i) => {
      const [text, small] = /** @type {HTMLElement} */ (this.list.children[i].lastElementChild).childNodes;
      if (text.nodeValue !== value) text.nodeValue = value;
      if (small) setText(/** @type {Element} */ (small), note ?? "");
    });
  }
}

/** What has to be said of the figures besides their values. @param {Figures} figures @param {string} zone */
export function notesOf(figures, zone) {
  const { from, to, source, endError, carriedBy, coverage, coveredMs, isOpen } = figures;
  const notes = [];
  if (source !== "samples") {
    const span = { from: moment(from, zone), to: moment(to, zone) };
    notes.push(t(source === "hours" ? "figures.snapped_hours" : "figures.snapped", span));
  }
  if (endError !== null) {
    notes.push(t("figures.short_span", { n: carriedBy, error: format.tenthsOfPercent(endError) }));
  }
  if (coveredMs > 0 && coverage < 0.995 && !isOpen) notes.push(t("figures.of_covered_time"));
  return notes;
}

function rates(/** @type {import("./tariff.js").Tariff | null} */ tariff, /** @type {string} */ currency) {
  if (!tariff) return null;
  if (tariff.rates.length > 0) return t("figures.by_rates", { n: tariff.rates.length + 1 });
  return t("figures.per_kwh", { rate: format.rate(tariff.perKwh, tariff.currency ?? currency) });
}

function whenOf(/** @type {Extreme} */ { at, withinMs }, /** @type {string} */ zone, /** @type {boolean} */ sameDay) {
  const text = sameDay ? clock(at, zone) : moment(at, zone);
  return withinMs === 0
    ? t("figures.at", { when: text })
    : t("figures.within", { when: text, length: format.duration(withinMs) });
}

const moment = (/** @type {number} */ at, /** @type {string} */ zone) => `${date(at, zone)}, ${clock(at, zone)}`;

/** @typedef {{ name: string, value: string, note: string | null }} Tile */

/** @returns {Tile} */
function tile(/** @type {string} */ name, /** @type {string} */ value, /** @type {string | null} */ note) {
  return { name, value, note };
}

function made(/** @type {Tile} */ { name, value, note }) {
  return element(
    "div",
    { "data-figure": name },
    element("dt", {}, t(`figures.${name}`)),
    element("dd", {}, value, note !== null && element("small", {}, note)),
  );
}
