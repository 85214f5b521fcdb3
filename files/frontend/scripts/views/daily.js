/** Daily report: any day of a machine, by its date. */

import { link, parameter, setAddress, spanInAddress, spanParameters } from "../address.js";
import { PowerChart } from "../chart/chart.js";
import { byId, element, fill } from "../element.js";
import { FigureTiles } from "../figure-tiles.js";
import * as format from "../format.js";
import { begin } from "../frame.js";
import { t } from "../language.js";
import { localText, momentOfLocal } from "../moment-input.js";
import { showNotices } from "../notices.js";
import { drawsForPaper, saysOnPaper } from "../printing.js";
import { loadDays } from "../published/days.js";
import { FileError, serverNow } from "../published/fetching.js";
import { Fleet, fileOf, hasDay, isIn, neighbours } from "../published/fleet.js";
import { MachineHistory, ROW_MS } from "../published/history.js";
import { comparison } from "../reports/comparison.js";
import { readDay, sumOfRows } from "../reports/day.js";
import { coverage, lengthOfDay, meanW } from "../reports/days.js";
import { energySoFar, machineOptions, row, table } from "../reports/parts.js";
import {
  addDays,
  clock,
  dayOf,
  HOUR,
  isDay,
  iso,
  longDay,
  offsetAt,
  parseMoment,
  spanOfDay,
  zoneLabel,
} from "../time.js";
import { coverageNotice, doubtNotices, indexNotices, LOW_COVERAGE, silenceNotices, spanDoubtNotice } from "../trust.js";
import {
  badRowsNotice,
  doubtWords,
  fileNotice,
  fleetNotices,
  reasonWords,
  sourceWords,
  unknownMachineNotice,
} from "../words.js";
import { zoneChoice } from "../zone.js";

/**
 * @typedef {import("../published/fleet.js").Machine} Machine
 * @typedef {import("../published/fleet.js").Happening} Happening
 * @typedef {import("../words.js").Notice} Notice
 * @typedef {import("../reports/day.js").DayOfMachine} DayOfMachine
 * @typedef {[number, number]} Span
 */

const FIVE_MINUTES = ROW_MS["five-minutes"];
const MOST_WATTS = 9_999_999;

class Daily {
  /** @param {import("../published/site.js").Site} site */
  constructor(site) {
    this.site = site;
    this.fleet = new Fleet(site);
    /** @type {Map<string, MachineHistory>} */
    this.histories = new Map();
    /** @type {string | null} the machine in the address */
    this.wanted = null;
    /** @type {string | null} the day in the address */
    this.date = null;
    /** @type {Span | null} what the chart is zoomed to */
    this.zoomed = null;
    /** @type {Span | null} */
    this.selected = null;
    /** @type {number | null} watts that the visitor asks about */
    this.threshold = null;
    /** @type {DayOfMachine | null} what is shown */
    this.day = null;
    /** What was asked for when that was shown. */
    this.shown = "";
    this.round = 0;
    this.chart = new PowerChart(byId("chart"), {
      onZoom: (span) => this.#zoom(span),
      onSelect: (span) => this.#select(span),
      onBack: () => this.#back(),
      onResize: () => this.#draw(),
    });
    this.tiles = new FigureTiles(byId("figures"));
    this.picker = /** @type {HTMLInputElement} */ (byId("date"));
    this.chooser = /** @type {HTMLSelectElement} */ (byId("machine"));
    this.above = /** @type {HTMLInputElement} */ (byId("above"));
    this.#fromAddress();
    this.picker.addEventListener("change", () => this.#go(this.wanted, this.picker.value || null));
    this.chooser.addEventListener("change", () => this.#go(this.chooser.value, this.date));
    this.above.addEventListener("input", () => this.#ask());
    byId("clear").addEventListener("click", () => this.#back());
    byId("update").addEventListener("click", () => this.show());
    addEventListener("popstate", () => {
      this.#fromAddress();
      this.show();
    });
    saysOnPaper(byId("on-paper"), () => ({
      parts: [
        document.title.split(" · ").slice(1).join(" · "),
        byId("machine-title").textContent,
        byId("report-title").textContent,
        byId("days-of").textContent,
      ],
      zone: this.day?.machine.zone ?? site.zone,
    }));
    drawsForPaper(this.chart);
  }

  /** Read the day in the address and show it, or say why not. What is shown of another one goes first. */
  async show() {
    const round = ++this.round;
    const asked = JSON.stringify([this.wanted, this.date]);
    if (asked !== this.shown) this.#hide();
    this.shown = asked;
    this.#say({ level: "info", title: t("notices.reading"), text: "" });
    await this.fleet.refresh({ index: true });
    if (round !== this.round) return;
    const { machines } = this.fleet;
    fill(this.chooser, ...machineOptions(this.fleet));
    this.chooser.disabled = machines.length === 0;
    const general = fleetNotices(this.fleet, this.site.zone, serverNow());
    if (machines.length === 0 || this.fleet.isOffline) {
      this.#say(...general);
      return;
    }
    const machine = this.#machine();
    const day = this.#dayOf(machine);
    this.#showHead(machine, day);
    const absent = this.#absence(machine, day);
    if (absent || !machine || !day) {
      this.#hide();
      this.#say(...general, ...(machine ? indexNotices([machine], serverNow(), false) : []), absent);
      return;
    }
    const notices = await this.#load(machine, day, round);
    if (round === this.round) this.#say(...general, ...notices);
  }

  /** @returns {Promise<(Notice | null)[]>} */
  async #load(/** @type {Machine} */ machine, /** @type {string} */ day, /** @type {number} */ round) {
    const history = this.histories.get(machine.id) ?? new MachineHistory(machine);
    history.machine = machine;
    this.histories.set(machine.id, history);
    const now = serverNow();
    const found = await readDay(machine, history, day, now);
    if (round !== this.round) return [];
    const csv = fileOf(machine, `${day}.csv`);
    const isOfDay = (/** @type {FileError} */ { url }) => url === csv || !url.endsWith(".events.json");
    const gone = history.errors.find((error) => isOfDay(error) && (found.coarse || error.url === csv));
    if (gone) return [fileNotice(gone)];
    const bad = () => history.damaged(found.span).map(badRowsNotice);
    const late = day >= dayOf(now, machine.zone) ? indexNotices([machine], now, false) : [];
    const whole = found.figures(found.counted);
    if (whole.samples === 0 && whole.coveredMs === 0) {
      this.#hide();
      return [...late, ...(bad().length > 0 ? bad() : [this.#empty(day, found)])];
    }
    this.day = found;
    this.#keepWithin();
    byId("panel").hidden = false;
    this.#hours(found);
    this.#happenings(found);
    this.#render();
    const untold = history.errors.find(({ url }) => url === fileOf(machine, `${day}.events.json`));
    const compared = await this.#compare(found, history, day, round);
    return [
      ...late,
      ...bad(),
      untold ? { level: "warn", title: t("daily.reasons_unknown"), text: `${untold.url}: ${untold.detail}.` } : null,
      ...found.happened.events
        .filter(({ kind, value }) => kind === "clock_step" && value !== null)
        .map((step) => stepNotice(step, machine.zone)),
      ...compared,
      coverageNotice(whole, t("trust.low_coverage_text", { title: machine.title })),
      ...(found.isOpen ? silenceNotices([machine], machine.zone, now) : []),
      ...doubtNotices([machine]),
      spanDoubtNotice(machine, found.happened.events, found.span),
    ];
  }

  /** @returns {Promise<(Notice | null)[]>} */
  async #compare(
    /** @type {DayOfMachine} */ { machine, span, counted, isOpen },
    /** @type {MachineHistory} */ history,
    /** @type {string} */ day,
    /** @type {number} */ round,
  ) {
    /** @type {Notice[]} */
    const notices = [];
    const read = await loadDays(machine).catch((error) => {
      if (!(error instanceof FileError)) throw error;
      notices.push(fileNotice(error));
      return null;
    });
    const bad = read && badRowsNotice(read);
    if (bad) notices.push(bad);
    // Of a day that goes on, the other day until the same time of day; rows say exactly how much that was.
    const until = Math.floor(counted[1] / FIVE_MINUTES) * FIVE_MINUTES;
    const time = localText(until, machine.zone).slice("2026-11-24".length);
    const of = async (/** @type {string} */ other) => {
      const [from, to] = spanOfDay(other, machine.zone);
      if (isOpen)
        return until > span[0] ? sumOfRows(history, from, momentOfLocal(other + time, machine.zone) ?? to) : null;
      return read?.days.get(other) ?? (await sumOfRows(history, from, to));
    };
    const one = isOpen ? await of(day) : sumOf(this.day?.figures(counted));
    const others = await Promise.all(
      [1, 7].map(async (ago) => {
        const other = addDays(day, -ago);
        const [length, own] = [lengthOfDay(other, machine.zone), span[1] - span[0]];
        return {
          name: t(ago === 1 ? "daily.day_before" : "daily.week_before"),
          href: this.#href(machine, other),
          one,
          other: await of(other),
          note: longDay(other) + (length === own ? "" : `, ${format.duration(length)}`),
        };
      }),
    );
    if (round !== this.round) return [];
    byId("compared").hidden = one === null;
    byId("compared-until").hidden = !isOpen;
    byId("compared-until").textContent = isOpen ? t("daily.until", { time: clock(until, machine.zone, false) }) : "";
    if (one)
      fill(
        byId("comparison"),
        comparison(
          t("reports.compared"),
          others.map((each) => ({ ...each, one })),
        ),
      );
    return notices;
  }

  /** All that depends on what is selected and zoomed to. */
  #render() {
    if (!this.day) return;
    this.#draw();
    const { machine, counted, isOpen } = this.day;
    const { zone } = machine;
    const span = this.#span();
    const [from, to] = span;
    const times = { from: clock(from, zone), to: clock(to, zone), length: format.duration(to - from) };
    const isWhole = !this.selected && !this.zoomed;
    const words = !isWhole
      ? t(this.selected ? "daily.selected" : "daily.shown", times)
      : isOpen
        ? t("daily.so_far", { time: clock(counted[1], zone) })
        : t("daily.whole");
    const heading = byId("of-what");
    if (heading.textContent !== words) heading.textContent = words;
    byId("clear").hidden = isWhole;
    byId("clear").textContent = t(this.selected ? "daily.clear" : "daily.whole");
    const view = byId("in-machine-view");
    view.hidden = isWhole;
    const [shownFrom, shownTo] = this.zoomed ?? this.day.span;
    view.setAttribute(
      "href",
      link("machine.html", {
        machine: this.fleet.address(machine),
        from: iso(shownFrom),
        to: iso(shownTo),
        sel: this.selected ? `${iso(this.selected[0])}/${iso(this.selected[1])}` : null,
      }),
    );
    const figures = this.day.figures(span);
    this.tiles.show(figures, machine, { currency: this.site.currency, zone });
    this.above.value = String(this.threshold ?? Math.round(figures.meanW ?? 0));
    this.#sayAbove();
    this.chart.canGoBack = !isWhole;
  }

  #draw() {
    if (!this.day) return;
    const { machine, span, happened } = this.day;
    const window = this.zoomed ?? span;
    const of = (/** @type {string} */ kind) => happened.events.filter((each) => each.kind === kind);
    this.chart.show({
      title: machine.title,
      window,
      zone: machine.zone,
      lines: [{ title: machine.title, colour: 1, ...this.day.line(window, this.chart.pixels) }],
      stacked: false,
      holes: of("outage"),
      caps: of("cap").flatMap(({ begin, end, value }, i, all) =>
        value === null
          ? []
          : [{ from: begin, to: (end === begin ? null : end) ?? all[i + 1]?.begin ?? null, watts: value }],
      ),
      markers: of("marker").map(({ begin, end, detail }) => ({ begin, end: end === begin ? null : end, text: detail })),
    });
    this.chart.select(this.selected);
  }

  #sayAbove() {
    if (!this.day) return;
    const watts = Number(this.above.value);
    const span = this.#span();
    const { coveredMs } = this.day.figures(span);
    const ms = this.day.above(span, watts);
    byId("time-above").textContent = this.above.validity.valid
      ? t(this.day.rowMs > 0 ? "daily.time_above_of_means" : "daily.time_above", {
          time: format.duration(ms),
          share: format.tenthsOfPercent(coveredMs > 0 ? ms / coveredMs : 0),
          row: format.duration(this.day.rowMs),
        })
      : t("daily.no_watts");
  }

  /** The visitor typed a threshold; an empty field asks for the mean again. */
  #ask() {
    const { value, validity } = this.above;
    this.threshold = value === "" || !validity.valid ? null : Number(value);
    this.#sayAbove();
    this.#remember(false);
  }

  #hours(/** @type {DayOfMachine} */ day) {
    const { zone } = day.machine;
    const hours = day.hours();
    const top = Math.max(...hours.map(({ high }) => high ?? 0), 1);
    const offsets = new Set(hours.map(({ from }) => offsetAt(from, zone)));
    const label = (/** @type {number} */ at) =>
      clock(at, zone, false) + (offsets.size > 1 ? ` ${zoneLabel(zone, at).replace(/^.*\((.*)\)$/, "$1")}` : "");
    fill(
      byId("hours"),
      table(
        t("daily.by_hour"),
        [
          t("daily.from"),
          t("figures.energy"),
          t("figures.mean"),
          element("span", { class: "band-key" }, t("daily.band")),
          t("figures.minimum"),
          t("figures.peak"),
          t("figures.coverage"),
        ],
        hours.map((each, i) => {
          const mean = meanW(each);
          if (each.low === null) {
            const empty = row(label(each.from), [t("reports.no_readings")], "none");
            empty.lastElementChild?.setAttribute("colspan", "6");
            return empty;
          }
          return row(label(each.from), [
            energySoFar(each.energyMsW / HOUR, day.isOpen && i === hours.length - 1),
            format.meanWatts(mean),
            band(each.low, mean, each.high ?? each.low, top),
            format.watts(each.low),
            format.watts(each.high),
            element(
              "span",
              coverage(each) < LOW_COVERAGE ? { class: "low" } : {},
              format.coverage(each.coveredMs, each.spanMs),
            ),
          ]);
        }),
      ),
    );
  }

  /** What happened on the day, in words. */
  #happenings(/** @type {DayOfMachine} */ { machine, span, happened }) {
    const { zone } = machine;
    const time = (/** @type {number} */ at) => {
      const when = clock(at, zone);
      return at < span[0] || at >= span[1] ? `${dayOf(at, zone)} ${when}` : when;
    };
    const items = happened.events
      .filter(({ kind, begin, end }) => words[kind] && begin < span[1] && (end ?? span[1]) >= span[0])
      .map((each) => {
        const { begin, end } = each;
        const when =
          end === begin
            ? time(begin)
            : end === null
              ? t("daily.since", { time: time(begin) })
              : `${time(begin)} – ${time(end)}, ${format.duration(end - begin)}`;
        return element("li", {}, element("span", { class: "when" }, when), ` ${words[each.kind](each)}`);
      });
    byId("happened").hidden = items.length === 0;
    fill(byId("happenings"), ...items);
  }

  #machine() {
    return this.wanted === null ? (this.fleet.machines[0] ?? null) : this.fleet.find(this.wanted);
  }

  /** The day asked for; else today, or the last day there is. */
  #dayOf(/** @type {Machine | null} */ machine) {
    if (this.date !== null || !machine) return this.date;
    const today = dayOf(serverNow(), machine.zone);
    return hasDay(machine, today) ? today : (machine.days.at(-1)?.[1] ?? today);
  }

  /** Why there is nothing to read, or null. @returns {Notice | null} */
  #absence(/** @type {Machine | null} */ machine, /** @type {string | null} */ day) {
    if (!machine) return unknownMachineNotice(this.wanted);
    if (day === null || !isDay(day)) {
      return { level: "bad", title: t("daily.not_a_date", { text: day ?? "" }), text: t("daily.not_a_date_text") };
    }
    if (mayHave(machine, day)) return null;
    const { title } = machine;
    if (machine.days.length === 0) {
      return { level: "info", title: t("daily.none_yet", { machine: title }), text: t("daily.none_yet_text") };
    }
    const { before, after } = nearest(machine, day);
    const links = [before, after]
      .filter((each) => each !== null)
      .map((each) => ({ text: longDay(each), href: this.#href(machine, each) }));
    return {
      level: "info",
      title:
        day > dayOf(serverNow(), machine.zone)
          ? t("daily.not_yet", { day: longDay(day) })
          : t("daily.nothing", { machine: title, day: longDay(day) }),
      text: t("daily.nearest", { n: links.length }),
      links,
    };
  }

  /** @returns {Notice} */
  #empty(/** @type {string} */ day, /** @type {DayOfMachine} */ { machine, happened }) {
    const hasFile = hasDay(machine, day);
    const outage = happened.events.find(({ kind }) => kind === "outage");
    const reason = outage ? `${reasonWords(outage.reason)}. ${outage.detail}` : "";
    return {
      level: hasFile ? "warn" : "info",
      title: hasFile
        ? t("daily.empty", { day: longDay(day) })
        : t("daily.nothing", { machine: machine.title, day: longDay(day) }),
      text: outage ? t("daily.empty_why", { reason }) : t("daily.empty_unknown"),
    };
  }

  #showHead(/** @type {Machine | null} */ machine, /** @type {string | null} */ day) {
    this.chooser.value = machine ? this.fleet.address(machine) : "";
    byId("machine-tag").hidden = !machine?.simulated;
    const valid = isDay(day);
    this.picker.value = valid ? String(day) : "";
    byId("report-title").textContent = valid ? longDay(String(day)) : t("daily.title");
    byId("machine-title").textContent = machine?.title ?? "";
    byId("days-of").textContent = "";
    if (!machine) return;
    const { zone } = machine;
    this.picker.min = machine.months[0] ? `${machine.months[0][0]}-01` : (machine.days[0]?.[0] ?? "");
    this.picker.max = dayOf(serverNow(), zone);
    const { before, after } = valid ? nearest(machine, String(day)) : { before: null, after: null };
    this.#step("previous", machine, before);
    this.#step("next", machine, after);
    if (!valid) return;
    const date = String(day);
    const [from, to] = spanOfDay(date, zone);
    const label = zoneLabel(zone, from);
    byId("days-of").textContent = [
      t("daily.day_of", { zone: label }),
      to - from === 24 * HOUR ? null : t("daily.hours_long", { length: format.duration(to - from) }),
      zoneChoice() === "site" ? null : t("daily.always_site"),
    ]
      .filter(Boolean)
      .join(" · ");
    const address = this.fleet.address(machine);
    fill(
      byId("links"),
      element(
        "a",
        { href: link("machine.html", { machine: address, from: iso(from), to: iso(to) }) },
        t("reports.in_machine_view"),
      ),
      element("a", { href: link("calendar.html", { machine: address, month: date.slice(0, 7) }) }, t("daily.month")),
      ...(hasDay(machine, date)
        ? [
            element(
              "a",
              { href: fileOf(machine, `${date}.csv`), download: `${machine.name}-${date}.csv` },
              t("daily.csv"),
            ),
            element("a", { href: fileOf(machine, `${date}.events.json`) }, t("daily.events")),
          ]
        : []),
    );
    byId("links").hidden = false;
  }

  #step(/** @type {string} */ id, /** @type {Machine} */ machine, /** @type {string | null} */ day) {
    const anchor = byId(id);
    if (day) anchor.setAttribute("href", this.#href(machine, day));
    else anchor.removeAttribute("href");
    anchor.title = day ? longDay(day) : t("daily.no_day");
  }

  #href(/** @type {Machine} */ machine, /** @type {string} */ date) {
    return link("daily.html", {
      machine: this.fleet.address(machine),
      date,
      above: this.threshold === null ? null : String(this.threshold),
    });
  }

  /** What the figures are of. @returns {Span} */
  #span() {
    const [from, to] = this.day?.counted ?? [0, 0];
    const [first, last] = this.selected ?? this.zoomed ?? [from, to];
    return [Math.max(first, from), Math.max(Math.min(last, to), Math.max(first, from))];
  }

  #zoom(/** @type {Span} */ span) {
    const cut = this.#cut(span);
    const [from, to] = this.day?.span ?? [0, 0];
    this.zoomed = cut && (cut[0] > from || cut[1] < to) ? cut : null;
    this.#render();
    this.#remember(false);
  }

  #select(/** @type {Span | null} */ span) {
    this.selected = span && this.#cut(span);
    this.#render();
    this.#remember(false);
  }

  /** One thing after the other: the selection, then the zoom. */
  #back() {
    if (this.selected) this.selected = null;
    else this.zoomed = null;
    this.#render();
    this.#remember(false);
  }

  /** To whole seconds, so that the address says what is shown, and within the day. @param {Span} span @returns {Span | null} */
  #cut(span) {
    const [from, to] = this.day?.span ?? span;
    const cut = /** @type {Span} */ (span.map((at) => Math.min(Math.max(Math.round(at / 1000) * 1000, from), to)));
    return cut[0] < cut[1] ? cut : null;
  }

  /** What the address asks for may be of another day. */
  #keepWithin() {
    this.zoomed = this.zoomed && this.#cut(this.zoomed);
    this.selected = this.selected && this.#cut(this.selected);
  }

  #hide() {
    this.day = null;
    byId("panel").hidden = true;
    byId("links").hidden = true;
  }

  #go(/** @type {string | null} */ machine, /** @type {string | null} */ date) {
    this.wanted = machine;
    this.date = date;
    this.zoomed = null;
    this.selected = null;
    this.#remember(true);
    this.show();
  }

  #fromAddress() {
    this.wanted = parameter("machine");
    this.date = parameter("date");
    this.zoomed = spanInAddress();
    const [from, to] = (parameter("sel") ?? "").split("/").map(parseMoment);
    this.selected = from && to && from < to ? [from, to] : null;
    const above = parameter("above");
    this.threshold = above !== null && /^\d{1,7}$/.test(above) ? Math.min(Number(above), MOST_WATTS) : null;
  }

  #remember(/** @type {boolean} */ asStep) {
    const machine = this.#machine();
    const { zoomed, selected, threshold } = this;
    setAddress(
      {
        machine: machine ? this.fleet.address(machine) : this.wanted,
        date: this.#dayOf(machine),
        ...spanParameters(zoomed),
        sel: selected && `${iso(selected[0])}/${iso(selected[1])}`,
        above: threshold === null ? null : String(threshold),
      },
      asStep,
    );
  }

  #say(/** @type {(Notice | null)[]} */ ...notices) {
    showNotices(byId("notices"), notices);
  }
}

/** Whether there may be readings of a day: its samples are published, or rows of its month from before they were. */
function mayHave(/** @type {Machine} */ machine, /** @type {string} */ day) {
  if (hasDay(machine, day)) return true;
  const oldest = machine.days[0]?.[0] ?? "";
  return day < oldest && (isIn(machine.months, day.slice(0, 7)) || isIn(machine.years, day.slice(0, 4)));
}

/** The nearest days that may have readings. */
function nearest(/** @type {Machine} */ machine, /** @type {string} */ day) {
  const { before, after } = neighbours(machine, day);
  const [yesterday, tomorrow] = [addDays(day, -1), addDays(day, 1)];
  return {
    before: before ?? (mayHave(machine, yesterday) ? yesterday : null),
    after: mayHave(machine, tomorrow) ? tomorrow : after,
  };
}

/** Figures as days are compared by. @param {import("../figures.js").Figures | undefined} figures */
function sumOf(figures) {
  if (!figures || figures.coveredMs === 0) return null;
  return {
    energyMsW: Math.round(figures.energyWh * HOUR),
    coveredMs: figures.coveredMs,
    spanMs: figures.spanMs,
    high: figures.peak?.watts ?? null,
  };
}

/** What a row's figures look like beside the day's peak. */
function band(
  /** @type {number} */ low,
  /** @type {number | null} */ mean,
  /** @type {number} */ high,
  /** @type {number} */ top,
) {
  const share = (/** @type {number} */ watts) => `${(watts / top) * 100}%`;
  const range = element("span", { class: "range" });
  range.style.left = share(low);
  range.style.width = share(high - low);
  const dot = element("span", { class: "mean" });
  dot.style.left = share(mean ?? low);
  return element("span", { class: "band", "aria-hidden": "true" }, range, dot);
}

/** @type {Record<string, (each: Happening) => string>} */
const words = {
  outage: ({ reason, detail }) => t("daily.outage", { reason: reasonWords(reason) }) + (detail ? ` (${detail})` : ""),
  marker: ({ detail }) => detail,
  cap: ({ value }) => (value === null ? t("daily.cap_gone") : t("daily.cap", { watts: format.watts(value) })),
  clock_step: ({ value }) => stepWords(Number(value)),
  interval: ({ value }) => t("daily.interval", { length: format.duration(value ?? 0) }),
  source: ({ reason }) => t("daily.source", { source: sourceWords(reason) }),
  doubt: ({ reason }) => t("daily.doubt", { doubts: reason.split(" ").map(doubtWords).join("; ") }),
};

function stepWords(/** @type {number} */ ms) {
  return t(ms < 0 ? "daily.clock_back" : "daily.clock_forward", { length: format.duration(ms) });
}

/** @param {Happening} step @param {string} zone @returns {Notice} */
function stepNotice({ begin, value }, zone) {
  return {
    level: "info",
    title: `${stepWords(Number(value))}, ${clock(begin, zone)}`,
    text: t("daily.clock_text"),
  };
}

await begin((site) => new Daily(site).show());
