/** All machines as rows or tiles; they stay while their figures change, so that the focus stays too. */

import { link } from "../address.js";
import { element } from "../element.js";
import * as format from "../format.js";
import { t } from "../language.js";
import { inOrderOf } from "./arrangement.js";
import { COLUMNS } from "./choice.js";
import { Sparklines } from "./sparkline.js";
import { stateWords, whyWords } from "./state-words.js";

/**
 * @typedef {import("./entries.js").Entry} Entry
 * @typedef {import("./arrangement.js").Section} Section
 * @typedef {import("./choice.js").Column} Column
 * @typedef {{
 *   of: number, row: HTMLElement, link: HTMLElement, tag: HTMLElement, note: Text, title: Text, words: Text,
 *   why: Text, watts: Text, age: Text, spark: SVGElement, peak: Text, energy: Text, coverage: Text
 * }} Row
 * @typedef {{ row: HTMLElement, toggle: HTMLElement, name: Text, note: Text, count: Text, watts: Text, energy: Text, coverage: Text }} Heading
 */

/** After so long without a move, the pointer only lies there. */
const REST_MS = 5000;
/** The columns in their order; those without a name of a sort are not sorted by. */
const ORDER = ["name", "state", "watts", "age", "day", "peak", "energy", "coverage"];

export class MachineTable {
  /**
   * @param {HTMLElement} table @param {(entry: Entry) => string} address of the machine, for links
   * @param {(column: Column) => void} onSort
   */
  constructor(table, address, onSort) {
    this.table = table;
    this.address = address;
    this.sparklines = new Sparklines();
    /** @type {Map<string, Row>} by the machine's id */
    this.rows = new Map();
    /** @type {Map<string, Heading>} by the section's key */
    this.headings = new Map();
    /** @type {Map<string, HTMLElement>} by the section's key */
    this.bodies = new Map();
    /** @type {Set<string>} keys of the sections that the visitor closed */
    this.closed = new Set();
    /** @type {Section[]} */
    this.sections = [];
    /** @type {Map<Column, HTMLElement>} */
    this.heads = new Map();
    this.head = element("thead", { role: "rowgroup" }, this.#head(onSort));
    table.replaceChildren(this.head);
    table.addEventListener("keydown", (event) => this.#key(event));
    this.pointedAt = Number.NEGATIVE_INFINITY;
    table.addEventListener("pointermove", () => {
      this.pointedAt = performance.now();
    });
  }

  /** Whether the visitor is about to follow a row: it would be unkind to move rows now. */
  get #isInUse() {
    const active = document.activeElement;
    const isFocused = active !== null && this.table.contains(active) && !this.head.contains(active);
    return isFocused || performance.now() - this.pointedAt < REST_MS;
  }

  /**
   * @param {Entry[]} entries all there are @param {Section[]} sections what is shown of them, in order
   * @param {import("./choice.js").Sort} sort @param {number} now @param {boolean} isNews whether only figures are new
   */
  show(entries, sections, sort, now, isNews) {
    this.sections = isNews && this.#isInUse ? inOrderOf(sections, this.sections) : sections;
    // Else what is shown is the visitor's wish, of figures that are there already.
    if (isNews) this.#updateAll(entries, now);
    for (const [column, head] of this.heads) {
      const direction = sort.direction > 0 ? "ascending" : "descending";
      setAttribute(head, "aria-sort", column === sort.column ? direction : "none");
    }
    const focused = /** @type {HTMLElement | null} */ (document.activeElement);
    placed(this.table, [this.head, ...this.#bodies(this.sections, 0)]);
    // A row that moved has lost it.
    if (focused && focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  }

  #updateAll(/** @type {Entry[]} */ entries, /** @type {number} */ now) {
    const ids = new Set(entries.map(({ machine }) => machine.id));
    for (const [id, { spark }] of this.rows) {
      if (ids.has(id)) continue;
      this.sparklines.drop(spark);
      this.rows.delete(id);
    }
    for (const entry of entries) {
      const row = this.rows.get(entry.machine.id) ?? this.#row(entry.machine.id);
      // Which name is enough to find a machine depends on all the others.
      if (row.of !== entries.length) {
        row.of = entries.length;
        setAttribute(row.link, "href", link("machine.html", { machine: this.address(entry) }));
      }
      update(row, entry, now, this.sparklines);
    }
  }

  #head(/** @type {(column: Column) => void} */ onSort) {
    return element(
      "tr",
      { role: "row" },
      ...ORDER.map((name) => {
        if (!Object.hasOwn(COLUMNS, name)) {
          return element(
            "th",
            { role: "columnheader", class: name },
            element("span", {}, t(`overview.column_${name}`)),
          );
        }
        const column = /** @type {Column} */ (name);
        const button = element(
          "button",
          { type: "button", onclick: () => onSort(column) },
          t(`overview.column_${name}`),
        );
        const head = element("th", { role: "columnheader", class: name, scope: "col", "aria-sort": "none" }, button);
        this.heads.set(column, head);
        return head;
      }),
    );
  }

  /** @param {Section[]} sections @param {number} level @returns {HTMLElement[]} */
  #bodies(sections, level) {
    return sections.flatMap((section) => {
      let body = this.bodies.get(section.key);
      if (!body) {
        body = element("tbody", { role: "rowgroup" });
        this.bodies.set(section.key, body);
      }
      const isOpen = section.name === null || !this.closed.has(section.key);
      const rows = isOpen
        ? section.entries.map(({ machine }) => /** @type {Row} */ (this.rows.get(machine.id)).row)
        : [];
      const heading = section.name === null ? [] : [this.#heading(section, level, isOpen).row];
      placed(body, [...heading, ...rows]);
      return [body, ...(isOpen ? this.#bodies(section.parts, level + 1) : [])];
    });
  }

  #heading(/** @type {Section} */ section, /** @type {number} */ level, /** @type {boolean} */ isOpen) {
    let heading = this.headings.get(section.key);
    if (!heading) {
      heading = this.#madeHeading(section.key, level);
      this.headings.set(section.key, heading);
    }
    setAttribute(heading.toggle, "aria-expanded", String(isOpen));
    setText(heading.name, section.name || t(`overview.no_${section.kind}`));
    setText(heading.note, section.note);
    showSum(heading, section);
    return heading;
  }

  /** @param {string} key @param {number} level @returns {Heading} */
  #madeHeading(key, level) {
    const [name, note, count, watts, energy, coverage] = texts(6);
    const toggle = element(
      "button",
      { type: "button", class: "toggle", onclick: () => this.#toggle(key) },
      element("span", {}, name),
      " ",
      element("small", {}, note),
    );
    const row = element(
      "tr",
      { role: "row", class: level === 0 ? "group" : "group rack" },
      element("th", { role: "rowheader", scope: "rowgroup", class: "name" }, toggle),
      element("td", { role: "cell", class: "state" }, count),
      element("td", { role: "cell", class: "watts" }, watts),
      element("td", { role: "cell", class: "age" }),
      element("td", { role: "cell", class: "day" }),
      element("td", { role: "cell", class: "peak" }),
      element("td", { role: "cell", class: "energy" }, energy),
      element("td", { role: "cell", class: "coverage" }, coverage),
    );
    return { row, toggle, name, note, count, watts, energy, coverage };
  }

  #toggle(/** @type {string} */ key) {
    if (!this.closed.delete(key)) this.closed.add(key);
    placed(this.table, [this.head, ...this.#bodies(this.sections, 0)]);
  }

  /** @param {string} id @returns {Row} */
  #row(id) {
    const [title, note, words, why, watts, age, peak, energy, coverage] = texts(9);
    const anchor = element("a", {}, title);
    const tag = element("span", { class: "tag", hidden: true }, t("frame.simulated"));
    const spark = this.sparklines.made();
    const cell = (/** @type {string} */ name, /** @type {(Node | string)[]} */ ...children) =>
      element("td", { role: "cell", class: name, "data-label": t(`overview.column_${name}`) }, ...children);
    const row = element(
      "tr",
      { role: "row", class: "machine" },
      element("th", { role: "rowheader", scope: "row", class: "name" }, anchor, " ", tag, element("small", {}, note)),
      cell("state", element("span", { class: "words" }, words), element("small", {}, why)),
      cell("watts", watts),
      cell("age", age),
      cell("day", spark),
      cell("peak", peak),
      cell("energy", energy),
      cell("coverage", coverage),
    );
    const made = { of: 0, row, link: anchor, tag, note, title, words, why, watts, age, spark, peak, energy, coverage };
    this.rows.set(id, made);
    return made;
  }

  /** Up and down go from row to row, as in a list. */
  #key(/** @type {KeyboardEvent} */ event) {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey || this.head.contains(target)) return;
    if (!["ArrowDown", "ArrowUp", "Home", "End"].includes(event.key)) return;
    const all = /** @type {HTMLElement[]} */ ([...this.table.querySelectorAll("tbody a, tbody .toggle")]);
    const i = all.indexOf(target);
    if (i < 0) return;
    event.preventDefault();
    const next = { ArrowDown: i + 1, ArrowUp: i - 1, Home: 0, End: all.length - 1 }[event.key] ?? i;
    all[Math.min(Math.max(next, 0), all.length - 1)].focus();
  }
}

/** @param {Row} row @param {Entry} entry @param {number} now @param {Sparklines} sparklines */
function update(row, entry, now, sparklines) {
  const { machine, state, watts, ageMs, doubts, peak, energyWh, coverage, incomplete, summary } = entry;
  setText(row.title, machine.title);
  setText(row.note, machine.name === machine.title ? "" : machine.name);
  if (row.tag.hidden === machine.simulated) row.tag.hidden = !machine.simulated;
  setData(row.row, "state", state);
  setData(row.row, "doubtful", doubts.length > 0 ? "yes" : "no");
  setData(row.row, "incomplete", incomplete ? "yes" : "no");
  setText(row.words, stateWords(entry, now));
  setText(row.why, whyWords(entry));
  setText(row.watts, format.watts(watts));
  setText(row.age, format.age(ageMs));
  setText(row.peak, format.watts(peak));
  setText(row.energy, energyWh === null ? "–" : format.energy(energyWh));
  setText(row.coverage, coverage === null ? "–" : format.percent(coverage));
  sparklines.show(row.spark, summary, () => sparkWords(summary));
}

/** @param {Heading} heading @param {Section} section */
function showSum(heading, { sum }) {
  const { count, answering, watts, energyWh, coverage } = sum;
  setText(
    heading.count,
    answering === count ? t("overview.machines", { n: count }) : t("overview.machines_some", { n: count, answering }),
  );
  setText(heading.watts, format.watts(watts));
  setText(heading.energy, energyWh === null ? "–" : format.energy(energyWh));
  setText(heading.coverage, coverage === null ? "–" : format.percent(coverage));
}

/** What a sparkline shows, for those who do not see it. @param {import("../published/overview.js").Summary | null} summary */
function sparkWords(summary) {
  const means = (summary?.mean ?? []).filter((watts) => watts !== null);
  if (!summary || means.length === 0) return t("overview.spark_none");
  const mean = means.reduce((sum, watts) => sum + watts, 0) / means.length;
  const peak = [...means, ...summary.high].reduce((/** @type {number} */ most, watts) => Math.max(most, watts ?? 0), 0);
  const share = means.length / summary.mean.length;
  const words = { mean: format.watts(mean), peak: format.watts(peak), share: format.percent(share) };
  return t(share < 1 ? "overview.spark_holes" : "overview.spark", words);
}

const texts = (/** @type {number} */ count) => Array.from({ length: count }, () => document.createTextNode(""));

function setText(/** @type {Text} */ place, /** @type {string} */ text) {
  if (place.data !== text) place.data = text;
}

function setData(/** @type {HTMLElement} */ place, /** @type {string} */ name, /** @type {string} */ value) {
  if (place.dataset[name] !== value) place.dataset[name] = value;
}

function setAttribute(/** @type {Element} */ place, /** @type {string} */ name, /** @type {string} */ value) {
  if (place.getAttribute(name) !== value) place.setAttribute(name, value);
}

/** Make nodes the children, in order; those that are in place are not touched. @param {Element} parent @param {Element[]} nodes */
function placed(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  let next = parent.firstElementChild;
  for (const node of nodes) {
    if (node === next) next = next.nextElementSibling;
    else parent.insertBefore(node, next);
  }
}
