/** Compare: machines over the same span, or over spans of their own from their beginnings: which does the work for less. */

import { link, withQuery } from "../address.js";
import { PowerChart } from "../chart/chart.js";
import { lineOfRows, lineOfSamples } from "../chart/lines.js";
import { isAligned, itemsOf, itemText, MOST_ITEMS } from "../compare/items.js";
import { difference, greatest, totalOf } from "../compare/totals.js";
import { copied } from "../copying.js";
import { byId, element, fill } from "../element.js";
import { notesOf } from "../figure-tiles.js";
import { figuresOf, LONGEST_OF_SAMPLES_MS } from "../figures.js";
import * as format from "../format.js";
import { begin } from "../frame.js";
import { intervalAfter } from "../happenings.js";
import { t } from "../language.js";
import { drawnLevel } from "../levels.js";
import { rowsOf } from "../machine/drawing-data.js";
import { fillMarks } from "../machine/drawn-table.js";
import { localText, momentOfLocal } from "../moment-input.js";
import { showNotices } from "../notices.js";
import { drawsForPaper, saysOnPaper } from "../printing.js";
import { serverNow } from "../published/fetching.js";
import { Fleet } from "../published/fleet.js";
import { MachineHistory, ROW_MS } from "../published/history.js";
import { clock, date, dayOf, HOUR, iso, parseMoment, startOfDay, zoneLabel } from "../time.js";
import { doubtNotices, indexNotices, LOW_COVERAGE, silenceNotices } from "../trust.js";
import { badRowsNotice, fileNotice, fleetNotices, unknownMachineNotice } from "../words.js";
import { shownZone, zoneChoice } from "../zone.js";

/**
 * @typedef {import("../published/fleet.js").Machine} Machine
 * @typedef {import("../chart/chart.js").Line} Line
 * @typedef {import("../figures.js").Figures} Figures
 * @typedef {import("../compare/items.js").Item} Item
 * @typedef {[number, number]} Span
 * @typedef {{ item: Item, machine: Machine, history: MachineHistory, span: Span, figures: Figures | null,
 *   marks: import("../published/fleet.js").Happening[], line: import("../chart/lines.js").Drawn | null }} Compared
 */

const DAY = 24 * HOUR;
/** @type {Record<string, number>} */
const SPANS = { "1h": HOUR, "6h": 6 * HOUR, "24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY, "1y": 365 * DAY };
const USUAL_SPAN = "24h";
/** More lines in one chart cannot be told apart. */
const MOST_LINES = 6;
/** With more machines, long spans are reckoned in short. */
const MOST_IN_FULL = 2;
/** Notices of one kind. */
const MOST_TOLD = 3;
const MULTIPLE_PIXELS = 300;
const TABLE_ROWS = 24;
const SMALL_ON_PAPER = { width: 440, height: 150 };

/** What the browser's history says of a step that a zoom made. */
const ZOOMED = { zoomed: true };
const isZoomed = () => history.state?.zoomed === true;

class Compare {
  /** @param {import("../published/site.js").Site} site */
  constructor(site) {
    this.site = site;
    this.fleet = new Fleet(site);
    /** @type {Map<string, MachineHistory>} */
    this.histories = new Map();
    /** @type {Item[]} */
    this.items = [];
    this.span = USUAL_SPAN;
    /** @type {Span | null} a span that the visitor gave */
    this.given = null;
    this.round = 0;
    this.chart = new PowerChart(byId("together"), {
      onZoom: (span) => this.#zoom(span),
      // Only from a zoom of this view: what lies before that is another page.
      onBack: () => isZoomed() && history.back(),
    });
    drawsForPaper(this.chart);
    saysOnPaper(byId("on-paper"), () => ({
      parts: [
        document.title.split(" · ").slice(1).join(" · "),
        ...this.compared.map(({ machine }) => machine.title).slice(0, MOST_LINES),
        this.#common()
          .map((at) => this.#moment(at))
          .join(" – "),
        zoneLabel(this.#zone(), serverNow()),
      ],
      zone: this.#zone(),
    }));
    /** @type {PowerChart[]} */
    this.multiples = [];
    this.#fromAddress();
    byId("add").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#add([this.#chooser().value]);
    });
    byId("add-all").addEventListener("click", () =>
      this.#add(this.fleet.machines.map((each) => this.fleet.address(each))),
    );
    byId("own").addEventListener("change", () => this.#ownSpans(/** @type {HTMLInputElement} */ (byId("own")).checked));
    byId("spans").addEventListener("change", (event) => {
      this.span = /** @type {HTMLInputElement} */ (event.target).value;
      this.given = null;
      this.#go(this.items.map(({ machine }) => ({ machine, span: null })));
    });
    byId("common").addEventListener("submit", (event) => {
      event.preventDefault();
      const [from, to] = ["from", "to"].map((id) =>
        momentOfLocal(/** @type {HTMLInputElement} */ (byId(id)).value, this.#zone()),
      );
      if (from === null || to === null || from >= to) return;
      this.given = [from, to];
      this.#go(this.items);
    });
    byId("drawn").addEventListener("toggle", () => this.#table());
    byId("copy-link").addEventListener("click", () => this.#copyLink());
    addEventListener("popstate", () => {
      this.#fromAddress();
      this.show();
    });
    /** @type {Compared[]} */
    this.compared = [];
  }

  async show() {
    const round = ++this.round;
    await this.fleet.refresh({ index: true });
    if (round !== this.round) return;
    this.#showChoice();
    const { machines } = this.fleet;
    const general = fleetNotices(this.fleet, this.site.zone, serverNow());
    if (this.items.length === 0 && machines.length > 0) {
      this.items = machines.slice(0, 2).map((machine) => ({ machine: this.fleet.address(machine), span: null }));
    }
    const common = this.#common();
    const unknown = this.items.filter(({ machine }) => !this.fleet.find(machine));
    this.compared = this.items.flatMap((item) => {
      const machine = this.fleet.find(item.machine);
      return machine
        ? [
            {
              item,
              machine,
              history: this.#history(machine),
              span: item.span ?? common,
              figures: null,
              marks: [],
              line: null,
            },
          ]
        : [];
    });
    this.#showForm(common);
    const say = (/** @type {(import("../words.js").Notice | null)[]} */ more) =>
      showNotices(byId("notices"), [
        ...general,
        ...unknown.map(({ machine }) => unknownMachineNotice(machine)),
        ...more,
      ]);
    say([]);
    this.#showItems();
    // Before anything is drawn, so that it is drawn for the width that there is.
    byId("together").hidden = this.compared.length === 0;
    if (this.compared.length === 0) return;
    // The drawing comes first: figures of long spans take longer.
    await Promise.all(this.compared.map((each) => this.#readLine(each)));
    if (round !== this.round) return;
    this.#draw();
    await Promise.all(this.compared.map((each) => this.#readFigures(each)));
    if (round !== this.round) return;
    this.#showItems();
    this.#draw();
    const now = serverNow();
    const isUntilNow = (/** @type {Compared} */ { machine: { zone }, span }) =>
      span[1] > startOfDay(dayOf(now, zone), zone);
    const untilNow = [...new Set(this.compared.filter(isUntilNow).map(({ machine }) => machine))];
    const measured = [...new Set(this.compared.map(({ machine }) => machine))];
    say([
      ...indexNotices(untilNow, now, false),
      ...this.#fileNotices(),
      ...this.#nothing(),
      ...silenceNotices(untilNow, this.#zone(), now),
      this.#lowCoverage(),
      ...doubtNotices(measured),
    ]);
  }

  /** What could not be read of the machines, of each cause once. @returns {(import("../words.js").Notice | null)[]} */
  #fileNotices() {
    // That the server is gone, the notices of all collectors say; without rows a day, hours are drawn.
    const errors = this.compared
      .flatMap(({ history }) => history.errors)
      .filter(({ kind, url }) => kind !== "offline" && !(kind === "missing" && url.endsWith("/days.csv")));
    const damaged = new Map(
      this.compared.flatMap(({ history, span }) => history.damaged(span)).map((file) => [file.url, file]),
    );
    return [
      ...errors.slice(0, MOST_TOLD).map(fileNotice),
      ...[...damaged.values()].slice(0, MOST_TOLD).map(badRowsNotice),
    ];
  }

  /** @returns {import("../words.js").Notice[]} */
  #nothing() {
    const empty = this.compared.filter(({ figures }) => figures && !known(figures));
    return empty.slice(0, MOST_TOLD).map(({ machine, span }) => ({
      level: "warn",
      title: t("machine.none_in_span", { title: machine.title }),
      text: t("compare.none_text", { from: this.#moment(span[0]), to: this.#moment(span[1]) }),
    }));
  }

  /** @returns {import("../words.js").Notice | null} */
  #lowCoverage() {
    const low = this.compared.filter(
      ({ figures }) => known(figures) && !figures?.isOpen && Number(figures?.coverage) < LOW_COVERAGE,
    );
    if (low.length === 0) return null;
    return {
      level: "warn",
      title: t("compare.low_coverage", { n: low.length }),
      text: t("compare.low_coverage_text", { names: low.map(({ machine }) => machine.title).join(", ") }),
    };
  }

  async #readLine(/** @type {Compared} */ compared) {
    const { machine, history: past, span } = compared;
    const [from, to] = span;
    const pixels = this.compared.length > MOST_LINES ? MULTIPLE_PIXELS : Math.max(this.chart.pixels, MULTIPLE_PIXELS);
    const level = await drawnLevel(past, from, to, pixels);
    // The months of many machines would take longer to ask for than all the rest.
    const happened = this.#isInShort() ? { intervalMs: machine.intervalMs, events: [] } : await past.events(from, to);
    compared.marks = happened.events.filter(({ kind }) => kind === "marker");
    if (level === "samples") {
      const samples = await past.samples(from, to);
      compared.line = lineOfSamples(samples, intervalAfter(happened), span, pixels);
    } else {
      const found = await rowsOf(past, level, from, to);
      compared.line = lineOfRows(found.rows, ROW_MS[found.level], span, pixels);
    }
  }

  async #readFigures(/** @type {Compared} */ compared) {
    const { machine, history: past, span } = compared;
    compared.figures = await figuresOf(machine, past, ...span, serverNow(), { inShort: this.#isInShort() });
  }

  #isInShort() {
    return (
      this.compared.length > MOST_IN_FULL &&
      this.compared.some(({ span: [from, to] }) => to - from > LONGEST_OF_SAMPLES_MS)
    );
  }

  #history(/** @type {Machine} */ machine) {
    const known = this.histories.get(machine.id) ?? new MachineHistory(machine);
    known.machine = machine;
    this.histories.set(machine.id, known);
    return known;
  }

  #draw() {
    const common = this.#common();
    const aligned = isAligned(this.items, common);
    const length = Math.max(...this.compared.map(({ span: [from, to] }) => to - from));
    // All over one span: the common one, or one that each has of its own.
    const window = /** @type {Span} */ (aligned ? [0, length] : (this.compared[0]?.span ?? common));
    const lines = this.compared.map(({ machine, item, span, line }) => ({
      ...shifted(line ?? EMPTY, aligned ? span[0] : 0),
      title: [nameOf(machine), ...(aligned ? [this.#moment(span[0])] : [])].join(", "),
      key: itemText(item),
    }));
    const few = lines.length <= MOST_LINES;
    const figures = this.compared.map(({ figures }) => ({ energyWh: figures?.energyWh ?? 0 }));
    const shown = few ? lines : [this.#total(lines, window), ...greatest(figures, MOST_LINES - 1).map((i) => lines[i])];
    this.chart.show({
      title: few ? t("compare.together") : t("compare.total_and_top", { n: MOST_LINES - 1 }),
      window,
      zone: this.#zone(),
      isElapsed: aligned,
      lines: shown.map((line, i) => ({ ...line, colour: /** @type {Line["colour"]} */ (i + 1) })),
      stacked: false,
      holes: [],
      caps: [],
      markers: this.#markers(this.compared, aligned),
    });
    this.chart.canGoBack = isZoomed();
    this.#drawMultiples(few ? [] : lines, window, aligned);
    byId("drawn").hidden = false;
    this.drawn = { shown: few ? lines : [shown[0], ...lines], window, aligned };
    this.#table();
  }

  /** Markers of all that is compared; one that was set for several machines is drawn once. */
  #markers(/** @type {Compared[]} */ compared, /** @type {boolean} */ aligned) {
    const found = new Map();
    for (const { marks, span } of compared) {
      const by = aligned ? span[0] : 0;
      for (const { begin, end, detail } of marks) {
        const marker = { begin: begin - by, end: end === null ? null : end - by, text: detail };
        found.set(JSON.stringify(marker), marker);
      }
    }
    return [...found.values()];
  }

  #total(/** @type {any[]} */ lines, /** @type {Span} */ window) {
    const widest = Math.max((window[1] - window[0]) / MULTIPLE_PIXELS, ...lines.map(stepOf));
    return { ...totalOf(lines, window, widest), title: t("compare.total", { n: lines.length }), key: "" };
  }

  #drawMultiples(/** @type {any[]} */ lines, /** @type {Span} */ window, /** @type {boolean} */ aligned) {
    const root = byId("multiples");
    root.hidden = lines.length === 0;
    while (this.multiples.length < lines.length) {
      const figure = element("figure", { class: "chart multiple" });
      root.append(figure);
      const chart = new PowerChart(figure);
      drawsForPaper(chart, SMALL_ON_PAPER);
      this.multiples.push(chart);
    }
    const highest = Math.max(1, ...lines.flatMap(({ mean, high }) => [peakOf(high ?? mean)]));
    this.multiples.forEach((chart, i) => {
      chart.figure.hidden = i >= lines.length;
      if (i >= lines.length) return;
      chart.show({
        title: lines[i].title,
        window,
        zone: this.#zone(),
        isElapsed: aligned,
        highest,
        lines: [{ ...lines[i], colour: 1 }],
        stacked: false,
        holes: [],
        caps: [],
        markers: this.#markers([this.compared[i]], aligned),
      });
    });
  }

  #table() {
    if (!this.drawn || !(/** @type {HTMLDetailsElement} */ (byId("drawn")).open)) return;
    const { shown, window, aligned } = this.drawn;
    const step = (window[1] - window[0]) / TABLE_ROWS;
    const zone = this.#zone();
    const rows = Array.from({ length: TABLE_ROWS }, (_, i) => {
      const from = window[0] + i * step;
      const cells = shown.map((line) => element("td", {}, wordsOver(line, from, from + step)));
      const when = aligned ? format.duration(from) : `${date(from, zone)}, ${clock(from, zone)}`;
      return element("tr", {}, element("th", { scope: "row" }, when), ...cells);
    });
    const heads = [t("compare.from"), ...shown.map(({ title }) => title)];
    fill(
      byId("drawn-table"),
      element("thead", {}, element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text)))),
      element("tbody", {}, ...rows),
    );
    const moment = (/** @type {number} */ at) => (aligned ? format.duration(Math.max(at, 0)) : this.#moment(at));
    fillMarks(byId("drawn-marks"), this.chart.picture, moment);
  }

  #showItems() {
    byId("table-frame").hidden = this.compared.length === 0;
    const withCost = this.compared.some(({ machine }) => machine.tariff !== null);
    const withCo2 = this.compared.some(({ machine }) => machine.co2PerKwh !== null);
    const columns = [
      "machine",
      ...(this.items.some(({ span }) => span) ? ["span"] : []),
      "energy",
      "mean",
      "peak",
      "minimum",
      "p95",
      ...(withCost ? ["cost"] : []),
      ...(withCo2 ? ["co2"] : []),
      "coverage",
      "remove",
    ];
    fill(
      byId("columns"),
      ...columns.map((name) =>
        element(
          "th",
          { scope: "col", class: name },
          name === "remove" ? element("span", { class: "unseen" }, t("compare.remove")) : t(`compare.column_${name}`),
        ),
      ),
    );
    const reference = known(this.compared[0]?.figures ?? null);
    fill(byId("items"), ...this.compared.map((each, i) => this.#row(each, i, columns, i === 0 ? null : reference)));
    const notes = this.#notes();
    fill(byId("notes"), ...notes.map((text) => element("li", {}, text)));
    byId("notes").hidden = notes.length === 0;
  }

  /** What has to be said of the figures besides their values; what is true of all is said once. */
  #notes() {
    const of = this.compared.map(({ figures }) => (figures ? notesOf(figures, this.#zone()) : []));
    const [first] = of;
    const shared = first ? first.filter((note) => of.every((notes) => notes.includes(note))) : [];
    const own = this.compared.flatMap(({ machine }, i) =>
      of[i].filter((note) => !shared.includes(note)).map((note) => t("compare.note", { name: machine.title, note })),
    );
    return [...(this.#isInShort() ? [t("compare.in_short")] : []), ...shared, ...own];
  }

  #row(
    /** @type {Compared} */ compared,
    /** @type {number} */ i,
    /** @type {string[]} */ columns,
    /** @type {Figures | null} */ reference,
  ) {
    const { machine, span, item } = compared;
    const figures = compared.figures;
    const counted = known(figures);
    const [from, to] = span;
    const address = this.fleet.address(machine);
    const currency = machine.tariff?.currency ?? this.site.currency;
    const against = (
      /** @type {number | null} */ value,
      /** @type {number | null | undefined} */ other,
      /** @type {(by: number) => string} */ show,
    ) => {
      const found = reference && difference(value, other ?? null);
      if (!found) return null;
      const share =
        found.share === null
          ? ""
          : ` (${signed(found.share * 100, (x) => `${format.count(Math.round(x * 10) / 10)} %`)})`;
      return element("small", { class: "difference" }, `${signed(found.by, show)}${share}`);
    };
    const value = (/** @type {string} */ text, /** @type {Node | null} */ more = null) =>
      element("td", { class: "number" }, figures ? text : "…", figures ? more : null);
    /** @type {Record<string, () => Node>} */
    const cells = {
      machine: () =>
        element(
          "th",
          { scope: "row" },
          element("span", {
            class: "swatch",
            "data-colour": this.compared.length > MOST_LINES ? false : String(i + 1),
          }),
          element(
            "a",
            { href: link("machine.html", { machine: address, from: iso(from), to: iso(to) }) },
            machine.title,
          ),
          machine.simulated && element("span", { class: "tag" }, t("frame.simulated")),
        ),
      span: () =>
        element(
          "td",
          { class: "span" },
          item.span ? this.#spanForm(i, span) : `${this.#moment(from)} – ${this.#moment(to)}`,
        ),
      energy: () =>
        value(
          counted ? format.energy(counted.energyWh) : "–",
          against(counted?.energyWh ?? null, reference?.energyWh, format.energy),
        ),
      mean: () =>
        value(
          format.meanWatts(figures?.meanW ?? null),
          against(figures?.meanW ?? null, reference?.meanW, format.meanWatts),
        ),
      peak: () =>
        value(
          format.watts(figures?.peak?.watts ?? null),
          against(figures?.peak?.watts ?? null, reference?.peak?.watts, format.watts),
        ),
      minimum: () => value(format.watts(figures?.minimum?.watts ?? null)),
      p95: () =>
        figures?.meansOfMs && figures.p95W !== null
          ? value(
              format.meanWatts(figures.p95W),
              element("small", {}, t("compare.means_of", { length: format.duration(figures.meansOfMs) })),
            )
          : value(format.watts(figures?.p95W ?? null)),
      cost: () => value(typeof counted?.cost === "number" ? format.money(counted.cost, currency) : "–"),
      co2: () => value(typeof counted?.co2G === "number" ? format.mass(counted.co2G) : "–"),
      coverage: () => value(figures ? format.coverage(figures.coveredMs, figures.spanMs) : "–"),
      remove: () =>
        element(
          "td",
          {},
          element(
            "button",
            {
              type: "button",
              class: "quiet",
              "aria-label": t("compare.remove_one", { name: machine.title }),
              onclick: () => this.#remove(item),
            },
            "×",
          ),
        ),
    };
    return element("tr", { "data-item": itemText(item) }, ...columns.map((name) => cells[name]()));
  }

  /** The inputs of an item's own span. */
  #spanForm(/** @type {number} */ i, /** @type {Span} */ span) {
    const zone = this.#zone();
    const inputs = span.map((at, end) =>
      element("input", {
        type: "datetime-local",
        step: "1",
        value: localText(at, zone),
        "aria-label": t(end === 0 ? "compare.from" : "compare.to"),
      }),
    );
    return element(
      "form",
      {
        class: "span-form",
        onsubmit: (event) => {
          event.preventDefault();
          const [from, to] = inputs.map((input) => momentOfLocal(/** @type {HTMLInputElement} */ (input).value, zone));
          if (from === null || to === null || from >= to) return;
          this.#go(this.items.map((item, n) => (n === i ? { ...item, span: /** @type {Span} */ ([from, to]) } : item)));
        },
      },
      ...inputs,
      element("button", { type: "submit" }, t("compare.show")),
    );
  }

  #showChoice() {
    const chooser = this.#chooser();
    fill(
      chooser,
      ...this.fleet.machines.map((each) => element("option", { value: this.fleet.address(each) }, each.title)),
    );
    const none = this.fleet.machines.length === 0;
    chooser.disabled = none;
    for (const id of ["add-machine", "add-all"]) /** @type {HTMLButtonElement} */ (byId(id)).disabled = none;
  }

  #showForm(/** @type {Span} */ common) {
    const zone = this.#zone();
    const own = this.items.some(({ span }) => span !== null);
    /** @type {HTMLInputElement} */ (byId("own")).checked = own;
    byId("common").hidden = own;
    ["from", "to"].forEach((id, end) => {
      /** @type {HTMLInputElement} */ (byId(id)).value = localText(common[end], zone);
    });
    for (const input of byId("spans").querySelectorAll("input"))
      input.checked = !own && this.given === null && input.value === this.span;
  }

  #common() {
    if (this.given) return this.given;
    const now = Math.floor(serverNow() / 1000) * 1000;
    const length = SPANS[this.span];
    // Of many days, whole ones: they are compared by rows of days, and today is not over.
    const end = length > DAY ? startOfDay(dayOf(now, this.#siteZone()), this.#siteZone()) : now;
    const begin =
      length > DAY ? startOfDay(dayOf(end - length + DAY / 2, this.#siteZone()), this.#siteZone()) : end - length;
    return /** @type {Span} */ ([begin, end]);
  }

  #siteZone() {
    const first = this.items[0] && this.fleet.find(this.items[0].machine);
    return (first ?? this.fleet.machines[0])?.zone ?? this.site.zone;
  }

  #zone() {
    return shownZone(this.#siteZone());
  }

  #moment(/** @type {number} */ at) {
    return `${date(at, this.#zone())}, ${clock(at, this.#zone())}`;
  }

  #chooser() {
    return /** @type {HTMLSelectElement} */ (byId("machine"));
  }

  #zoom(/** @type {Span} */ [from, to]) {
    const whole = /** @type {Span} */ ([Math.round(from / 1000) * 1000, Math.round(to / 1000) * 1000]);
    if (whole[0] >= whole[1]) return;
    if (!isAligned(this.items, this.#common())) {
      this.given = whole;
      this.#go(
        this.items.map(({ machine }) => ({ machine, span: null })),
        ZOOMED,
      );
      return;
    }
    this.#go(
      this.compared.map(({ item, span: [start] }) => ({
        ...item,
        span: /** @type {Span} */ ([start + whole[0], start + whole[1]]),
      })),
      ZOOMED,
    );
  }

  #ownSpans(/** @type {boolean} */ own) {
    const common = this.#common();
    this.#go(this.items.map(({ machine, span }) => ({ machine, span: own ? (span ?? common) : null })));
  }

  #add(/** @type {string[]} */ machines) {
    const own = this.items.some(({ span }) => span !== null);
    const there = new Set(own ? [] : this.items.map(({ machine }) => machine));
    const added = machines
      .filter((machine) => !there.has(machine))
      .map((machine) => ({ machine, span: own ? this.#common() : null }));
    this.#go([...this.items, ...added].slice(0, MOST_ITEMS));
  }

  #remove(/** @type {Item} */ item) {
    this.#go(this.items.filter((each) => each !== item));
  }

  #go(/** @type {Item[]} */ items, /** @type {unknown} */ state = null) {
    this.items = items;
    const query = new URLSearchParams(location.search);
    query.delete("item");
    for (const item of items) query.append("item", itemText(item));
    for (const [name, value] of Object.entries({
      span: this.given || this.span === USUAL_SPAN ? null : this.span,
      from: this.given ? iso(this.given[0]) : null,
      to: this.given ? iso(this.given[1]) : null,
    })) {
      if (value === null) query.delete(name);
      else query.set(name, value);
    }
    history.pushState(state, "", withQuery(location.pathname, query));
    this.show();
  }

  /** One to be sent says the machines, the moments and the zone, whatever the visitor's habit and "until now" are. */
  async #copyLink() {
    const query = new URLSearchParams(location.search);
    for (const name of ["item", "span", "from", "to"]) query.delete(name);
    for (const { machine, item } of this.compared) {
      query.append("item", itemText({ machine: this.fleet.address(machine), span: item.span }));
    }
    const [from, to] = this.#common();
    query.set("from", iso(from));
    query.set("to", iso(to));
    query.set("zone", zoneChoice());
    const address = new URL(withQuery(location.pathname, query), location.href).href;
    byId("told").textContent = t((await copied(address)) ? "machine.copied" : "machine.not_copied", { address });
  }

  #fromAddress() {
    const query = new URLSearchParams(location.search);
    this.items = itemsOf(query.getAll("item"));
    const [from, to] = [parseMoment(query.get("from")), parseMoment(query.get("to"))];
    this.given = from !== null && to !== null && from < to ? [from, to] : null;
    const span = query.get("span") ?? USUAL_SPAN;
    this.span = Object.hasOwn(SPANS, span) ? span : USUAL_SPAN;
  }
}

/** Figures that rest on a reading. @param {Figures | null} figures */
function known(figures) {
  return figures && figures.coveredMs > 0 ? figures : null;
}

/** In charts, where no tag can stand. @param {Machine} machine */
function nameOf({ title, simulated }) {
  return simulated ? t("compare.simulated", { name: title }) : title;
}

/** @type {import("../chart/lines.js").Drawn} */
const EMPTY = { at: new Float64Array(), mean: [], low: null, high: null, isStep: false };

/** @param {import("../chart/lines.js").Drawn} line @param {number} by */
function shifted(line, by) {
  return by === 0 ? line : { ...line, at: line.at.map((at) => at - by) };
}

/** The usual distance of a line's points. @param {{ at: ArrayLike<number> }} line */
function stepOf({ at }) {
  return at.length > 1 ? (at[at.length - 1] - at[0]) / (at.length - 1) : 0;
}

const peakOf = (/** @type {(number | null)[]} */ values) =>
  values.reduce((/** @type {number} */ most, value) => Math.max(most, value ?? 0), 0);

/** The mean of what is drawn between two moments, null where that is nothing. */
function meanOver(
  /** @type {{ at: ArrayLike<number>, mean: (number | null)[] }} */ { at, mean },
  /** @type {number} */ from,
  /** @type {number} */ to,
) {
  let sum = 0;
  let covered = 0;
  for (let i = 0; i < at.length; i++) {
    const watts = mean[i];
    const begin = Math.max(at[i], from);
    const end = Math.min(at[i + 1] ?? at[i], to);
    if (watts === null || end <= begin) continue;
    sum += watts * (end - begin);
    covered += end - begin;
  }
  return covered > 0 ? sum / covered : null;
}

/** What is drawn of a line between two moments: its mean, and the range of its band. */
function wordsOver(
  /** @type {Pick<Line, "at" | "mean" | "low" | "high">} */ line,
  /** @type {number} */ from,
  /** @type {number} */ to,
) {
  const mean = meanOver(line, from, to);
  if (mean === null) return "–";
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < line.at.length; i++) {
    if (line.at[i] >= to || (line.at[i + 1] ?? line.at[i] + 1) <= from) continue;
    low = Math.min(low, line.low?.[i] ?? line.mean[i] ?? low);
    high = Math.max(high, line.high?.[i] ?? line.mean[i] ?? high);
  }
  if (!(low < high)) return format.meanWatts(mean);
  return `${format.meanWatts(mean)}, ${t("chart.range", { low: format.count(low), high: format.watts(high) })}`;
}

/** With a sign before it. @param {number} value @param {(value: number) => string} show */
function signed(value, show) {
  const text = show(Math.abs(value));
  return `${value < 0 ? "−" : value > 0 ? "+" : "±"}${text}`;
}

await begin((site) => new Compare(site).show());
