/** One machine: live or any span of its past, what a selected part of it cost, and what to doubt. */

import { link, parameter, setAddress } from "../address.js";
import { PowerChart } from "../chart/chart.js";
import { lineOfRows, lineOfSamples } from "../chart/lines.js";
import { Strip } from "../chart/strip.js";
import { itemText } from "../compare/items.js";
import { copied } from "../copying.js";
import { byId, element, fill, setText } from "../element.js";
import { FigureTiles } from "../figure-tiles.js";
import { figuresOf, figuresOfSamples, LONGEST_OF_SAMPLES_MS } from "../figures.js";
import * as format from "../format.js";
import { begin } from "../frame.js";
import { intervalAfter } from "../happenings.js";
import { t } from "../language.js";
import { finestLevel, levelFor } from "../levels.js";
import { isFor, readAhead } from "../machine/ahead.js";
import { asked, LONGEST_LABEL, machineOf } from "../machine/asked.js";
import { clockSteps, hasAny, lastSample, pictureOf, read, rowsOf } from "../machine/drawing-data.js";
import { fillMarks, fillTable, partsOf } from "../machine/drawn-table.js";
import { Navigation, spanText, stripSpan, USUAL_PRESET, whole } from "../machine/navigation.js";
import { fileNotices, nothingNotice, stepNotice } from "../machine/notices.js";
import { csvOfRows, csvOfSamples, download, fileName } from "../machine/span-csv.js";
import { spanWords } from "../machine/span-words.js";
import { localText, momentOfLocal } from "../moment-input.js";
import { showNotices } from "../notices.js";
import { painted } from "../painting.js";
import { passed } from "../passed.js";
import { drawsForPaper, saysOnPaper } from "../printing.js";
import { serverNow } from "../published/fetching.js";
import { Fleet } from "../published/fleet.js";
import { MachineHistory, ROW_MS } from "../published/history.js";
import { clock, date, dayOf, HOUR, iso, startOfDay } from "../time.js";
import {
  coverageNotice,
  doubtNotices,
  indexNotices,
  isDayMissing,
  silenceNotices,
  spanDoubtNotice,
  stateWords,
} from "../trust.js";
import { fleetNotices, unknownMachineNotice } from "../words.js";
import { shownZone, zoneChoice } from "../zone.js";

/**
 * @typedef {import("../published/fleet.js").Machine} Machine
 * @typedef {import("../figures.js").Figures} Figures
 * @typedef {import("../machine/drawing-data.js").Read} Read
 * @typedef {[number, number]} Span
 */

const INDEX_MS = 60_000;
const STRIP_MS = 60_000;
const DAY = 24 * HOUR;

class MachineView {
  /**
   * @param {import("../published/site.js").Site} site @param {Fleet} fleet that is being asked for
   * @param {Promise<import("../machine/ahead.js").Ahead | null>} ahead what is being read for the address
   */
  constructor(site, fleet, ahead) {
    this.site = site;
    this.fleet = fleet;
    /** @type {Promise<import("../machine/ahead.js").Ahead | null> | null} */
    this.ahead = ahead;
    this.navigation = new Navigation();
    /** @type {Map<string, MachineHistory>} */
    this.histories = new Map();
    /** @type {Map<string, string>} */
    this.zones = new Map();
    /** @type {string | null} the machine in the address */
    this.wanted = null;
    /** @type {Span | null} */
    this.selection = null;
    this.label = "";
    this.now = serverNow();
    /** @type {Read | null} */
    this.read = null;
    /** @type {Span} the window that was read */
    this.readOf = [0, 0];
    /** @type {Figures | null} */
    this.figures = null;
    this.strip = { span: /** @type {Span | null} */ (null), readAt: 0, id: "" };
    this.indexAt = serverNow();
    this.round = 0;
    this.timer = 0;
    this.follow = /** @type {HTMLInputElement} */ (byId("follow"));
    this.chooser = /** @type {HTMLSelectElement} */ (byId("machine"));
    /** In place of the machine's, where there is none. */
    this.heading = element("h1", {}, t("machine.title"));
    this.labelInput = /** @type {HTMLInputElement} */ (byId("label"));
    this.tiles = new FigureTiles(byId("figures"));
    this.chart = new PowerChart(byId("chart"), {
      onZoom: (span) => this.#zoom(span),
      onMove: (span) => this.#preview(span),
      onSelect: (span) => this.#select(span && whole(span)),
      onBack: () => this.#back(),
      onResize: () => this.#draw(),
    });
    this.stripChart = new Strip(byId("strip"), {
      onMove: (span) => this.#preview(span),
      onMoved: (span) => this.#zoom(this.#untilNow(span)),
    });
    drawsForPaper(this.chart);
    saysOnPaper(byId("on-paper"), () => this.#onPaper());
    this.#fromAddress();
    this.#listen();
  }

  #listen() {
    const on = (/** @type {string} */ id, /** @type {string} */ event, /** @type {() => void} */ act) =>
      byId(id).addEventListener(event, act);
    on("follow", "change", () => this.update());
    on("update", "click", () => {
      for (const history of this.histories.values()) history.forgetEvents();
      this.update({ index: true });
    });
    on("machine", "change", () => this.#choose(this.chooser.value));
    on("earlier", "click", () => this.#pan(-0.5));
    on("later", "click", () => this.#pan(0.5));
    on("zoom-selection", "click", () => this.selection && this.#zoom(this.selection));
    on("clear-selection", "click", () => this.#select(null));
    on("copy-link", "click", () => this.#copyLink());
    on("download", "click", () => this.#download());
    on("drawn", "toggle", () => this.#table());
    on("label", "input", () => {
      this.label = this.labelInput.value.slice(0, LONGEST_LABEL);
      this.#name();
      this.#remember(false);
    });
    byId("spans").addEventListener("change", (event) => {
      this.navigation.choose(/** @type {HTMLInputElement} */ (event.target).value);
      this.#remember(false);
      this.update();
    });
    byId("span-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#goToDates();
    });
    addEventListener("popstate", () => {
      this.#fromAddress();
      this.update();
    });
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && this.follow.checked) this.update();
    });
  }

  /** Show what was asked for already. @param {Promise<void>} heard */
  async begin(heard) {
    const round = ++this.round;
    await heard;
    await this.#show(round);
  }

  /** Read what is new and show it; then again and again while real time is on. */
  async update({ index = false } = {}) {
    clearTimeout(this.timer);
    const round = ++this.round;
    const known = this.#chosen();
    const now = serverNow();
    const isIndexOld = now - this.indexAt > INDEX_MS || (known !== null && isDayMissing(known, now));
    if (index || isIndexOld) this.indexAt = now;
    await this.fleet.refresh({ index: index || isIndexOld });
    await this.#show(round);
  }

  async #show(/** @type {number} */ round) {
    if (round !== this.round) return;
    this.now = serverNow();
    const machine = this.#chosen();
    // At first, what is known is shown while the rest is read; later, all that is new comes with one frame.
    // Who came without a name stays with the machine that was found.
    if (machine) this.wanted ??= this.fleet.address(machine);
    const isFirst = !machine || !this.read;
    if (isFirst) this.#showWho(machine);
    if (machine) await this.#load(machine, round, !isFirst);
    if (round === this.round && this.follow.checked && !document.hidden) {
      this.timer = window.setTimeout(() => this.update(), this.site.refreshMs);
    }
  }

  #showWho(/** @type {Machine | null} */ machine) {
    this.#showGeneral(machine);
    byId("panel").hidden = machine === null;
    if (!machine) {
      byId("main").prepend(this.heading);
      return;
    }
    this.heading.remove();
    this.#showHead(machine);
  }

  #chosen() {
    return machineOf(this.fleet, this.wanted);
  }

  #history(/** @type {Machine} */ machine) {
    const history = this.histories.get(machine.id) ?? new MachineHistory(machine);
    history.machine = machine;
    this.histories.set(machine.id, history);
    return history;
  }

  /** The zone to show a machine's times in; only another page is in another one. @param {Machine} machine */
  #zone({ zone }) {
    const shown = this.zones.get(zone) ?? shownZone(zone);
    this.zones.set(zone, shown);
    return shown;
  }

  get #window() {
    return this.navigation.window(this.now);
  }

  /**
   * Read the window and draw it; then its figures, then the strip, which nobody waits for. What is new in an update comes
   * with one frame.
   */
  async #load(/** @type {Machine} */ machine, /** @type {number} */ round, isUpdate = false) {
    const window = this.#window;
    const found = await this.#read(machine, window);
    if (round !== this.round) return;
    if (isUpdate) this.#showWho(machine);
    this.read = found;
    this.readOf = window;
    this.#draw();
    byId("panel").classList.remove("waiting");
    if (!isUpdate) {
      await painted();
      if (round !== this.round) return;
    }
    await this.#showFigures(machine, round);
    if (round !== this.round) return;
    this.#showNotices(machine);
    this.#table();
    await this.#showStrip(machine, round);
  }

  /** What was read ahead, once; from then on what is there now. */
  async #read(/** @type {Machine} */ machine, /** @type {Span} */ window) {
    const ahead = await this.ahead;
    this.ahead = null;
    if (ahead && !this.histories.has(ahead.history.machine.id)) {
      this.histories.set(ahead.history.machine.id, ahead.history);
      if (isFor(ahead, machine, window, this.chart.pixels)) return ahead.found;
    }
    return read(this.#history(machine), window, this.chart.pixels);
  }

  #draw() {
    const machine = this.#chosen();
    if (!machine || !this.read) return;
    const zone = this.#zone(machine);
    const window = this.#window;
    this.chart.show(pictureOf(this.read, window, this.chart.pixels, { title: machine.title, zone }));
    this.#name();
    this.chart.canGoBack = this.navigation.before.length > 0 || this.selection !== null;
    if (!this.stripChart.isBusy) this.stripChart.mark(window);
    this.#showSpan(zone);
  }

  /** While a hand moves the window: what is known is drawn at once, what is not comes when it rests. */
  #preview(/** @type {Span} */ span) {
    const machine = this.#chosen();
    if (!machine || !this.read) return;
    const zone = this.#zone(machine);
    this.chart.show(pictureOf(this.read, span, this.chart.pixels, { title: machine.title, zone }));
    if (!this.stripChart.isBusy) this.stripChart.mark(span);
  }

  #zoom(/** @type {Span} */ span) {
    this.navigation.zoom(span, this.now);
    this.#moved();
  }

  /** The strip's end was now when it was drawn: who goes there means now. */
  #untilNow(/** @type {Span} */ [from, to]) {
    const { span, readAt } = this.strip;
    if (!span || to < span[1] - 1000 || span[1] < readAt - 1000) return /** @type {Span} */ ([from, to]);
    const [begin, end] = this.#window;
    const isMove = Math.abs((to - from) / (end - begin) - 1) < 0.001;
    return /** @type {Span} */ ([isMove ? from + this.now - to : from, this.now]);
  }

  #pan(/** @type {number} */ by) {
    const [from, to] = this.#window;
    this.#zoom([from + by * (to - from), to + by * (to - from)]);
  }

  #back() {
    if (this.navigation.back()) this.#moved();
    else if (this.selection) this.#select(null);
  }

  /** The window is another one. */
  async #moved() {
    const round = ++this.round;
    clearTimeout(this.timer);
    this.#draw();
    this.#remember(false);
    const machine = this.#chosen();
    if (machine) await this.#load(machine, round);
    if (round === this.round && this.follow.checked) {
      this.timer = window.setTimeout(() => this.update(), this.site.refreshMs);
    }
  }

  #select(/** @type {Span | null} */ span) {
    this.selection = span;
    if (!span) {
      this.label = "";
      this.labelInput.value = "";
    }
    this.#name();
    this.chart.canGoBack = this.navigation.before.length > 0 || span !== null;
    this.#remember(false);
    const machine = this.#chosen();
    if (machine) this.#showFigures(machine, this.round).then(() => this.#showNotices(machine));
  }

  /** The selection with its name, in the chart. */
  #name() {
    this.chart.select(this.selection, this.label);
    for (const id of ["zoom-selection", "clear-selection", "label-field"]) byId(id).hidden = this.selection === null;
  }

  #goToDates() {
    const machine = this.#chosen();
    if (!machine) return;
    const zone = this.#zone(machine);
    const [from, to] = ["from", "to"].map((id) =>
      momentOfLocal(/** @type {HTMLInputElement} */ (byId(id)).value, zone),
    );
    const to_ = /** @type {HTMLInputElement} */ (byId("to"));
    const isSpan = from !== null && to !== null && from < to;
    to_.setCustomValidity(isSpan ? "" : t("machine.not_a_span"));
    to_.reportValidity();
    if (!isSpan) return;
    this.navigation.go([from, to]);
    this.#remember(true);
    this.update();
  }

  #choose(/** @type {string} */ wanted) {
    this.wanted = wanted;
    this.read = null;
    // They are another machine's.
    byId("figures").hidden = true;
    this.#remember(true);
    this.update();
  }

  /** The span that the figures are of: the selection, or what has passed of the window. */
  #counted(/** @type {Machine} */ machine) {
    if (this.selection) return this.selection;
    const last = (this.read && lastSample(this.read)) ?? machine.reading.at ?? undefined;
    return passed(this.#window, this.now, last, machine.intervalMs);
  }

  async #showFigures(/** @type {Machine} */ machine, /** @type {number} */ round) {
    const { selection } = this;
    const [from, to] = this.#counted(machine);
    const zone = this.#zone(machine);
    const figures = to > from ? await this.#figuresOf(machine, from, to) : null;
    if (round !== this.round || selection !== this.selection) return;
    this.figures = figures;
    const span = spanWords([from, to], zone);
    const { preset } = this.navigation.view;
    const text = selection
      ? t("machine.selected", { span })
      : preset
        ? t(`machine.last_${preset}`, { span })
        : t("machine.in_view", { span });
    setText(byId("figures-title"), text);
    byId("select-hint").hidden = selection !== null;
    byId("figures").hidden = figures === null;
    if (figures) this.tiles.show(figures, machine, { currency: this.site.currency, zone });
  }

  /** Of samples that are drawn; else of what has to be read. */
  #figuresOf(/** @type {Machine} */ machine, /** @type {number} */ from, /** @type {number} */ to) {
    const { read: found, readOf } = this;
    if (!found?.samples || from < readOf[0] || to > readOf[1]) {
      return figuresOf(machine, this.#history(machine), from, to, this.now);
    }
    return { ...figuresOfSamples(found.samples, found.happened, machine, from, to), isOpen: to > this.now };
  }

  async #showStrip(/** @type {Machine} */ machine, /** @type {number} */ round) {
    const window = this.#window;
    const begin = beginning(machine, this.now);
    const isOther = this.strip.id !== machine.id;
    const span = stripSpan(window, isOther ? null : this.strip.span, this.now, begin);
    const isSame = span === this.strip.span && this.now - this.strip.readAt < STRIP_MS;
    if (isSame || this.stripChart.isBusy) return;
    // So that it goes on with the clock.
    const slid = /** @type {Span} */ (
      span === this.strip.span && window[1] >= this.strip.readAt ? [span[0] + this.now - span[1], this.now] : span
    );
    this.strip = { span: slid, readAt: this.now, id: machine.id };
    const { pixels } = this.stripChart;
    const line = await this.#stripLine(machine, slid, pixels);
    if (round !== this.round && this.strip.span !== slid) return;
    this.stripChart.show(slid, line, this.#zone(machine));
    this.stripChart.mark(this.#window);
  }

  /** From rows, as long as there are any: a strip is not worth days of samples. */
  async #stripLine(/** @type {Machine} */ machine, /** @type {Span} */ span, /** @type {number} */ pixels) {
    const history = this.#history(machine);
    const [from, to] = span;
    const isShort = to - from <= 8 * DAY;
    const wanted = isShort && machine.months.length > 0 ? "five-minutes" : levelFor(machine, from, to, pixels);
    if (wanted !== "samples") {
      const { level, rows } = await rowsOf(history, wanted, from, to);
      return lineOfRows(rows, ROW_MS[level], span, pixels);
    }
    if (!isShort) return null;
    const [samples, happened] = await Promise.all([history.samples(from, to), history.events(from, to)]);
    return lineOfSamples(samples, intervalAfter(happened), span, pixels);
  }

  #showGeneral(/** @type {Machine | null} */ machine) {
    const { fleet, site } = this;
    showNotices(byId("notices"), [
      ...fleetNotices(fleet, site.zone, serverNow(), true),
      fleet.machines.length > 0 && !machine ? this.#unknown() : null,
    ]);
    const groups = Map.groupBy(fleet.machines, ({ group }) => group);
    const key = JSON.stringify(fleet.machines.map(({ id, title, group }) => [id, title, group]));
    if (this.chooser.dataset.made !== key) {
      this.chooser.dataset.made = key;
      const option = (/** @type {Machine} */ each) => element("option", { value: fleet.address(each) }, each.title);
      fill(
        this.chooser,
        ...[...groups].flatMap(([group, members]) =>
          group ? [element("optgroup", { label: group }, ...members.map(option))] : members.map(option),
        ),
      );
    }
    this.chooser.disabled = fleet.machines.length === 0;
    this.chooser.value = machine ? fleet.address(machine) : "";
  }

  #unknown() {
    const links = this.fleet.machines
      .slice(0, 12)
      .map((each) => ({ text: each.title, href: link("machine.html", { machine: this.fleet.address(each) }) }));
    return { ...unknownMachineNotice(this.wanted), links };
  }

  #showHead(/** @type {Machine} */ machine) {
    const { watts, ageMs, state } = machine.reading;
    const zone = this.#zone(machine);
    setText(byId("machine-title"), machine.title);
    document.title = `${machine.title} · ${document.title.split(" · ").at(-1)}`;
    byId("machine-tag").hidden = !machine.simulated;
    setText(byId("machine-place"), [machine.group, machine.rack].filter(Boolean).join(" · "));
    setText(byId("watts-now"), format.watts(watts));
    byId("state-now").dataset.state = state;
    setText(byId("state-now"), stateWords(machine, zone, this.now));
    setText(byId("age-now"), ageMs === null ? "" : t("machine.read_ago", { age: format.age(ageMs) }));
    this.#showLinks(machine);
  }

  #showLinks(/** @type {Machine} */ machine) {
    const address = this.fleet.address(machine);
    const span = this.selection ?? this.#window;
    const item = itemText({ machine: address, span: /** @type {Span} */ (span.map((at) => Math.round(at))) });
    const zone = zoneParameter();
    const date = dayOf(Math.min(span[1] - 1, this.now), machine.zone);
    const root = byId("machine-links");
    if (root.childElementCount === 0) {
      fill(root, ...["link_day", "link_compare", "link_files"].map((name) => element("a", {}, t(`machine.${name}`))));
    }
    // The links stay, whoever has the focus of one; while the window moves, they lead elsewhere.
    [
      link("daily.html", { machine: address, date, zone }),
      link("compare.html", { item, zone }),
      link("files.html", { machine: address }),
    ].forEach((href, i) => {
      root.children[i].setAttribute("href", href);
    });
  }

  #showSpan(/** @type {string} */ zone) {
    const { preset } = this.navigation.view;
    for (const input of byId("spans").querySelectorAll("input")) input.checked = input.value === preset;
    const form = byId("span-form");
    if (form.contains(document.activeElement)) return;
    this.#window.forEach((at, i) => {
      const input = /** @type {HTMLInputElement} */ (byId(i === 0 ? "from" : "to"));
      input.value = localText(Math.round(at / 1000) * 1000, zone);
    });
  }

  #showNotices(/** @type {Machine} */ machine) {
    if (!this.read) return;
    const zone = this.#zone(machine);
    const window = this.#window;
    const history = this.#history(machine);
    const files = fileNotices(history, window).filter((each) => each !== null);
    // That the server is gone, the notices of all collectors say.
    const isGone = this.fleet.isOffline;
    const any = hasAny(this.read, window);
    showNotices(byId("machine-notices"), [
      ...(isGone ? files.filter(({ level }) => level !== "bad") : files),
      any || files.some(({ level }) => level === "bad")
        ? null
        : nothingNotice(machine, window, this.now, zone, this.read, this.fleet.address(machine)),
      ...silenceNotices([machine], zone, this.now),
      ...doubtNotices([machine]),
      spanDoubtNotice(machine, this.read.happened.events, window),
      ...indexNotices([machine], this.now, this.follow.checked),
      any && this.figures && files.length === 0
        ? coverageNotice(this.figures, t("trust.low_coverage_text", { title: machine.title }))
        : null,
      ...(this.read.level === "samples" ? clockSteps(this.read, window).map((step) => stepNotice(step, zone)) : []),
    ]);
  }

  #table() {
    const machine = this.#chosen();
    if (!machine || !this.read || !(/** @type {HTMLDetailsElement} */ (byId("drawn")).open)) return;
    const zone = this.#zone(machine);
    const [from, to] = this.#window;
    fillTable(byId("drawn-rows"), partsOf(this.read, [from, Math.min(to, Math.max(this.now, from + 1))], zone), zone);
    fillMarks(byId("drawn-marks"), this.chart.picture, (at) => `${date(at, zone)}, ${clock(at, zone)}`);
  }

  /** The chart on the same paper says the span and the zone. */
  #onPaper() {
    const machine = this.#chosen();
    return {
      parts: [document.title.split(" · ").at(-1) ?? null, machine?.title ?? null, machine?.group || null],
      zone: machine ? this.#zone(machine) : this.site.zone,
    };
  }

  async #copyLink() {
    const address = new URL(link(location.pathname, this.#parameters(true)), location.href).href;
    const isDone = await copied(address);
    this.#tell(t(isDone ? "machine.copied" : "machine.not_copied", { address }));
  }

  async #download() {
    const machine = this.#chosen();
    if (!machine) return;
    const history = this.#history(machine);
    const before = new Set(history.errors);
    const span = this.#counted(machine);
    const available = await finestLevel(history, ...span);
    const isLong = span[1] - span[0] > LONGEST_OF_SAMPLES_MS && machine.months.length > 0;
    const level = available === "samples" && isLong ? "five-minutes" : available;
    let text;
    if (level === "samples") text = csvOfSamples(await history.samples(...span), span);
    else {
      const width = ROW_MS[level];
      const wide = /** @type {Span} */ ([Math.floor(span[0] / width) * width, Math.ceil(span[1] / width) * width]);
      text = csvOfRows(await history.rows(level, ...wide), wide);
    }
    // What could not be had before, for another span, is another matter.
    const trouble = history.errors.find((error) => error.url.endsWith(".csv") && !before.has(error));
    if (trouble) {
      this.#tell(t("machine.not_downloaded", { detail: trouble.detail }));
      return;
    }
    download(fileName(machine.name, span, this.selection ? this.label : ""), text);
    this.#tell(t(`machine.downloaded_${level.replace("-", "_")}`, { n: text.split("\n").length - 2 }));
  }

  #tell(/** @type {string} */ text) {
    byId("told").textContent = text;
  }

  #fromAddress() {
    const { wanted, selection, label } = asked(this.navigation);
    this.wanted = wanted;
    this.selection = selection;
    this.label = label;
    this.labelInput.value = label;
  }

  /** What the address says; one to be sent says the moments and the zone in place of "until now" and the visitor's habit. */
  #parameters(/** @type {boolean} */ isToBeSent) {
    const { preset } = this.navigation.view;
    const machine = this.#chosen();
    const span = preset && !isToBeSent ? null : whole(this.#window);
    return {
      machine: isToBeSent && machine ? this.fleet.address(machine) : this.wanted,
      span: preset && preset !== USUAL_PRESET && !isToBeSent ? preset : null,
      from: span && iso(span[0]),
      to: span && iso(span[1]),
      sel: this.selection && spanText(this.selection),
      label: (this.selection && this.label) || null,
      zone: isToBeSent || span || this.selection ? zoneChoice() : zoneParameter(),
      lang: parameter("lang"),
    };
  }

  #remember(/** @type {boolean} */ asStep) {
    setAddress(this.#parameters(false), asStep);
    const machine = this.#chosen();
    if (machine) this.#showLinks(machine);
  }
}

function zoneParameter() {
  const choice = zoneChoice();
  return choice === "site" ? null : choice;
}

/** When the first published readings are from. @param {Machine} machine @param {number} now */
function beginning({ years, months, days, zone }, now) {
  const firsts = [years[0] && `${years[0][0]}-01-01`, months[0] && `${months[0][0]}-01`, days[0]?.[0]];
  // A year, or a month, of which only a part is there would leave the strip empty.
  const first = firsts.filter(Boolean).at(-1);
  return first ? startOfDay(first, zone) : now - DAY;
}

await begin(
  (site, { fleet, heard, ahead }) => new MachineView(site, fleet, ahead).begin(heard),
  (/** @type {import("../published/site.js").Site} */ site) => {
    const fleet = new Fleet(site);
    const heard = fleet.refresh({ index: true });
    return { fleet, heard, ahead: readAhead(fleet, heard) };
  },
);
