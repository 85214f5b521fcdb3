/** Calendar: a machine's year by days, coloured by energy, and reports of a year and of a month; or of all machines. */

import { link, parameter, setAddress } from "../address.js";
import { byId, element, fill } from "../element.js";
import { FigureTiles } from "../figure-tiles.js";
import { figuresOf, figuresOfRows } from "../figures.js";
import * as format from "../format.js";
import { begin } from "../frame.js";
import { t } from "../language.js";
import { showNotices } from "../notices.js";
import { saysOnPaper } from "../printing.js";
import { dayOfOverview, loadDays } from "../published/days.js";
import { FileError, serverNow } from "../published/fetching.js";
import { Fleet } from "../published/fleet.js";
import { MachineHistory, ROW_MS } from "../published/history.js";
import { loadOverview } from "../published/overview.js";
import { barsKey, barsOf } from "../reports/bars.js";
import { comparison } from "../reports/comparison.js";
import { addYears, monthBefore, monthOnly, shortDay, shortMonth, weekdayAndDay, yearBefore } from "../reports/dates.js";
import { coverage, daysBetween, energyWh, meanW, together, totalOf } from "../reports/days.js";
import { addMonths, monthsOf, weekday } from "../reports/month-grid.js";
import { energySoFar, machineOptions, row, table, tile } from "../reports/parts.js";
import { nameOfDay, yearCalendar } from "../reports/year.js";
import { addDays, dayOf, HOUR, iso, monthName, offsetAt, startOfDay } from "../time.js";
import { coverageNotice, doubtNotices, indexNotices, LOW_COVERAGE } from "../trust.js";
import { badRowsNotice, fileNotice, fleetNotices, unknownMachineNotice } from "../words.js";

/**
 * @typedef {import("../published/fleet.js").Machine} Machine
 * @typedef {import("../words.js").Notice} Notice
 * @typedef {import("../reports/days.js").Day} Day
 * @typedef {{ machines: Machine[], days: Map<string, Day>, zone: string, today: string, isSum: boolean, isWhole: boolean }} Found
 *   `isSum` of all machines together, `isWhole` if all that was asked for could be read
 */

/** In the address and the chooser: all machines. No BMC can have this name. */
const ALL = "*";
/** Each of them costs a file. */
const MOST_MACHINES = 50;
const YEAR = /^[12]\d{3}$/;
const MONTH = /^[12]\d{3}-(0[1-9]|1[0-2])$/;

class Calendar {
  /** @param {import("../published/site.js").Site} site */
  constructor(site) {
    this.site = site;
    this.fleet = new Fleet(site);
    this.round = 0;
    this.title = "";
    /** @type {string | null} what the address names, as it stands there */
    this.wanted = null;
    /** @type {string | null} */
    this.askedMonth = null;
    /** @type {string | null} */
    this.askedYear = null;
    /** @type {string | null} the month that is shown; null for the whole year */
    this.month = null;
    this.year = "";
    /** What was asked for when something was shown. */
    this.shown = "";
    /** @type {Found | null} */
    this.found = null;
    /** @type {{ coveredMs: number, spanMs: number } | null} of what is reported, from the first reading on */
    this.covered = null;
    this.chooser = /** @type {HTMLSelectElement} */ (byId("machine"));
    this.yearChooser = /** @type {HTMLSelectElement} */ (byId("year"));
    this.monthChooser = /** @type {HTMLSelectElement} */ (byId("month"));
    this.root = byId("report");
    this.#fromAddress();
    this.chooser.addEventListener("change", () => this.#go({ wanted: this.chooser.value }));
    this.yearChooser.addEventListener("change", () =>
      this.#go({
        month: this.month && `${this.yearChooser.value}-${this.month.slice(5)}`,
        year: this.yearChooser.value,
      }),
    );
    this.monthChooser.addEventListener("change", () =>
      this.#go({ month: this.monthChooser.value || null, year: this.yearChooser.value }),
    );
    addEventListener("popstate", () => {
      this.#fromAddress();
      this.show();
    });
    saysOnPaper(byId("on-paper"), () => ({
      parts: [
        document.title.split(" · ").slice(1).join(" · "),
        byId("machine-title").textContent,
        this.title,
        byId("days-of").textContent,
      ],
      zone: this.found?.zone ?? site.zone,
    }));
  }

  /** Read what the address asks for and show it, or say why not. */
  async show() {
    const round = ++this.round;
    const asked = JSON.stringify([this.wanted, this.askedMonth, this.askedYear]);
    if (asked !== this.shown) this.root.hidden = true;
    this.shown = asked;
    this.covered = null;
    this.#say({ level: "info", title: t("notices.reading"), text: "" });
    await this.fleet.refresh({ index: true });
    if (round !== this.round) return;
    const { machines } = this.fleet;
    const general = fleetNotices(this.fleet, this.site.zone, serverNow());
    if (machines.length === 0 || this.fleet.isOffline) {
      this.#say(...general);
      return;
    }
    this.#showMachines();
    const chosen = this.#chosen();
    if (chosen.length === 0) {
      this.#say(
        ...general,
        this.wanted === ALL
          ? {
              level: "info",
              title: t("calendar.too_many", { n: machines.length }),
              text: t("calendar.too_many_text", { most: MOST_MACHINES }),
            }
          : unknownMachineNotice(this.wanted),
      );
      return;
    }
    const { found, notices } = await this.#load(chosen);
    if (round !== this.round) return;
    this.found = found;
    this.root.hidden = true;
    const wrong = this.#settle(found);
    this.#showHead(found);
    if (wrong) {
      this.#say(...general, wrong);
      return;
    }
    fill(this.root);
    const more = await (this.month ? this.#month(found, this.month, round) : this.#year(found, this.year, round));
    if (round !== this.round) return;
    const late = found.today.startsWith(this.month ?? this.year) ? indexNotices(chosen, serverNow(), false) : [];
    const covered = this.covered && coverageNotice(this.covered, lowText(found));
    this.#say(...general, ...late, ...notices, ...more, covered, ...doubtNotices(chosen));
    // What the address leads to was not there when the browser looked for it.
    if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
  }

  /** @param {Machine[]} machines @returns {Promise<{ found: Found, notices: (Notice | null)[] }>} */
  async #load(machines) {
    /** @type {(Notice | null)[]} */
    const notices = [];
    const note = (/** @type {unknown} */ error) => {
      if (!(error instanceof FileError)) throw error;
      notices.push(fileNotice(error));
      return null;
    };
    const collectors = [...new Set(machines.map(({ collector }) => collector))];
    const [all, ...overviews] = await Promise.all([
      Promise.all(machines.map((machine) => loadDays(machine).catch(note))),
      // Without it, the day that goes on is missing, and nothing else.
      ...collectors.map((name) => loadOverview(name).catch((error) => (error.kind === "missing" ? null : note(error)))),
    ]);
    const isWhole = notices.length === 0;
    const now = serverNow();
    const each = machines.map((machine, i) => {
      const days = all[i]?.days ?? new Map();
      const overview = overviews[collectors.indexOf(machine.collector)];
      const open = overview && dayOfOverview(overview, machine, now);
      if (open && !days.has(open.day)) days.set(open.day, open);
      return days;
    });
    notices.push(...all.map((found) => found && badRowsNotice(found)));
    const zone = machines[0].zone;
    const untold = machines.filter(
      (machine, i) => all[i]?.isMissing && (machine.days[0]?.[0] ?? "9999") < dayOf(now, machine.zone),
    );
    if (untold.length > 0) {
      notices.push({
        level: "warn",
        title: t("calendar.untold", { machine: untold.map(({ title }) => title).join(", ") }),
        text: t("calendar.untold_text"),
      });
    }
    const isSum = this.wanted === ALL;
    const days = isSum ? together(each) : each[0];
    return { found: { machines, days, zone, today: dayOf(now, zone), isSum, isWhole }, notices };
  }

  /** The year and month to show. @returns {Notice | null} what is wrong with those asked for */
  #settle(/** @type {Found} */ { today }) {
    const { askedMonth, askedYear } = this;
    const text = t("calendar.not_a_month_text");
    this.month = null;
    this.year = today.slice(0, 4);
    if (askedMonth !== null) {
      if (!MONTH.test(askedMonth))
        return { level: "bad", title: t("calendar.not_a_month", { text: askedMonth }), text };
      this.month = askedMonth;
      this.year = askedMonth.slice(0, 4);
    } else if (askedYear !== null) {
      if (!YEAR.test(askedYear)) return { level: "bad", title: t("calendar.not_a_year", { text: askedYear }), text };
      this.year = askedYear;
    }
    return null;
  }

  /** @returns {Promise<(Notice | null)[]>} */
  async #year(/** @type {Found} */ found, /** @type {string} */ year, /** @type {number} */ round) {
    const { days, today } = found;
    const [from, to] = [`${year}-01-01`, `${addYears(year, 1)}-01-01`];
    const shown = daysBetween(days, from, to);
    if (shown.length === 0) return [found.isWhole ? this.#nothing(found, year, from) : null];
    const total = totalOf(shown, this.#spanMs(found, from, to));
    this.covered = this.#covered(found, total, from, to);
    const before = addYears(year, -1);
    const tiles = element("dl", { class: "tiles" });
    this.#totals(tiles, found, total, shown, undefined);
    const months = monthsOf(year).filter((month) => month <= today.slice(0, 7));
    const monthly = (/** @type {string} */ month) => {
      const [first, next] = [`${month}-01`, `${addMonths(month, 1)}-01`];
      return totalOf(daysBetween(days, first, next), this.#spanMs(found, first, next));
    };
    const sums = months.map((month) => ({ month, one: monthly(month), other: monthly(addMonths(month, -12)) }));
    const isKnown = sums.some(({ other }) => other.days > 0);
    fill(
      this.root,
      section(null, tiles),
      section(null, yearCalendar(year, days, this.#links(found))),
      section(
        t("calendar.months"),
        element(
          "div",
          { class: "beside" },
          barsOf(
            t("calendar.kwh_by_month"),
            sums.map(({ month, one, other }) => ({
              label: shortMonth(month),
              title: `${monthName(month)}: ${format.energy(energyWh(one))}`,
              href: one.days > 0 ? this.#links(found).month(month) : null,
              kwh: one.days > 0 ? energyWh(one) / 1000 : null,
              before: isKnown && other.days > 0 ? energyWh(other) / 1000 : null,
              kind: today.startsWith(month) ? "open" : "",
            })),
            isKnown ? key([year, before]) : null,
          ),
          this.#monthsTable(found, sums, isKnown ? before : null, total),
        ),
      ),
      this.#compared(found, from, to, [{ name: before, href: this.#href({ year: before }), same: yearBefore }]),
    );
    this.root.hidden = false;
    const [machine] = found.machines;
    if (found.isSum || !machine.tariff?.rates.length) return [];
    const { cost, notices } = await costOfYear(machine, found.zone, from, to);
    if (round === this.round) this.#totals(tiles, found, total, shown, cost);
    return notices;
  }

  /** @returns {Promise<(Notice | null)[]>} */
  async #month(/** @type {Found} */ found, /** @type {string} */ month, /** @type {number} */ round) {
    const { days, today, machines, isSum, zone } = found;
    const [from, to] = [`${month}-01`, `${addMonths(month, 1)}-01`];
    const shown = daysBetween(days, from, to);
    if (shown.length === 0) return [found.isWhole ? this.#nothing(found, monthName(month), from) : null];
    const total = totalOf(shown, this.#spanMs(found, from, to));
    this.covered = this.#covered(found, total, from, to);
    const figures = element("div", { class: "figures" });
    const notices = isSum ? [] : await this.#figures(figures, machines[0], zone, from, to, round);
    if (round !== this.round) return [];
    if (figures.childElementCount === 0) {
      const tiles = element("dl", { class: "tiles" });
      this.#totals(tiles, found, total, shown, undefined);
      figures.append(tiles);
    }
    const report = this.#links(found).report;
    const all = [];
    for (let day = from; day < to; day = addDays(day, 1)) all.push({ day, one: days.get(day) ?? null });
    const [last, lastYear] = [addMonths(month, -1), addMonths(month, -12)];
    fill(
      this.root,
      section(null, figures),
      element(
        "div",
        { class: "beside" },
        element(
          "div",
          {},
          section(
            t("calendar.days"),
            barsOf(
              t("calendar.kwh_by_day"),
              all.map(({ day, one }) => ({
                label: String(Number(day.slice(8))),
                title: one ? nameOfDay(one) : "",
                href: one ? report(day) : null,
                kwh: one ? energyWh(one) / 1000 : null,
                before: null,
                kind: [
                  weekday(day) > 5 ? "weekend" : "",
                  one && coverage(one) < LOW_COVERAGE ? "low" : "",
                  one?.isOpen ? "open" : "",
                ].join(" "),
              })),
              daysKey(),
            ),
          ),
          this.#compared(found, from, to, [
            { name: monthName(last), href: this.#href({ month: last }), same: monthBefore },
            { name: monthName(lastYear), href: this.#href({ month: lastYear }), same: yearBefore },
          ]),
        ),
        table(
          t("calendar.days_of", { month: monthName(month) }),
          [
            t("calendar.day"),
            t("figures.energy"),
            ...(isSum ? [] : [t("figures.mean"), t("figures.minimum"), t("figures.peak")]),
            t("figures.coverage"),
          ],
          all.filter(({ day }) => day <= today).map(({ day, one }) => dayRow(day, one, isSum, report(day))),
        ),
      ),
    );
    this.root.hidden = false;
    return notices;
  }

  /** Figures of a month, as the collector's command reckons them. @returns {Promise<(Notice | null)[]>} */
  async #figures(
    /** @type {HTMLElement} */ root,
    /** @type {Machine} */ machine,
    /** @type {string} */ zone,
    /** @type {string} */ from,
    /** @type {string} */ to,
    /** @type {number} */ round,
  ) {
    const [begin, end, now] = [startOfDay(from, zone), startOfDay(to, zone), serverNow()];
    const history = new MachineHistory(machine);
    const figures = await figuresOf(machine, history, begin, Math.min(end, now), now);
    const notices = [...history.errors.map(fileNotice), ...history.damaged([begin, end]).map(badRowsNotice)];
    if (round !== this.round || figures.coveredMs === 0) return notices;
    new FigureTiles(root).show({ ...figures, isOpen: end > now }, machine, { currency: this.site.currency, zone });
    return notices;
  }

  /** What days sum up to, without what only samples or rows can tell. */
  #totals(
    /** @type {HTMLElement} */ root,
    /** @type {Found} */ { machines, isSum },
    /** @type {import("../reports/days.js").Total} */ total,
    /** @type {Day[]} */ days,
    /** @type {number | null | undefined} null where it could not be read, undefined until it was */ costByRates,
  ) {
    const kwh = energyWh(total) / 1000;
    const highest = days.reduce((a, b) => (b.energyMsW > a.energyMsW ? b : a));
    const costs = isSum || costByRates === undefined ? flatCost(machines, kwh) : costByRates;
    const currency = machines[0].tariff?.currency ?? this.site.currency;
    const intensity = only(machines.map(({ co2PerKwh }) => co2PerKwh));
    fill(
      root,
      tile(
        t("figures.energy"),
        format.energy(energyWh(total)),
        isSum ? t("calendar.of_machines", { n: machines.length }) : null,
      ),
      machines.every(({ tariff }) => tariff === null)
        ? null
        : tile(
            t("figures.cost"),
            costs === null ? "–" : format.money(costs, currency),
            costs !== null || costByRates === null ? null : t(isSum ? "calendar.cost_of_sum" : "notices.reading"),
          ),
      intensity === null ? null : tile(t("figures.co2"), format.mass(kwh * intensity)),
      isSum ? null : tile(t("figures.mean"), format.meanWatts(meanW(total)), t("figures.mean_note")),
      isSum
        ? null
        : tile(
            t("figures.peak"),
            format.watts(total.high),
            total.highDay && t("calendar.on", { day: shortDay(total.highDay) }),
          ),
      tile(
        t("calendar.highest_day"),
        format.energy(energyWh(highest)),
        t("calendar.on", { day: shortDay(highest.day) }),
      ),
      tile(
        t("figures.coverage"),
        format.coverage(total.coveredMs, total.spanMs),
        total.first && t("calendar.days_with_readings", { n: total.days, since: shortDay(total.first) }),
      ),
    );
  }

  #monthsTable(
    /** @type {Found} */ found,
    /** @type {{ month: string, one: import("../reports/days.js").Total, other: import("../reports/days.js").Total }[]} */ sums,
    /** @type {string | null} */ before,
    /** @type {import("../reports/days.js").Total} */ total,
  ) {
    const { isSum, today } = found;
    const cells = (
      /** @type {import("../reports/days.js").Total} */ one,
      /** @type {import("../reports/days.js").Total | null} */ other,
      isOpen = false,
    ) => [
      one.days > 0 ? energySoFar(energyWh(one), isOpen) : "–",
      ...(before ? [other && other.days > 0 ? format.energy(energyWh(other)) : "–"] : []),
      ...(isSum ? [] : [format.meanWatts(meanW(one)), format.watts(one.high)]),
      one.days > 0 ? format.coverage(one.coveredMs, one.spanMs) : "–",
    ];
    const others = before
      ? totalOf(
          sums.flatMap(({ month }) =>
            daysBetween(found.days, `${addMonths(month, -12)}-01`, `${addMonths(month, -11)}-01`),
          ),
          0,
        )
      : null;
    return table(
      t("calendar.months_of", { year: sums[0].month.slice(0, 4) }),
      [
        t("calendar.month"),
        t("figures.energy"),
        ...(before ? [before] : []),
        ...(isSum ? [] : [t("figures.mean"), t("figures.peak")]),
        t("figures.coverage"),
      ],
      sums.map(({ month, one, other }) =>
        row(
          one.days > 0 ? element("a", { href: this.#links(found).month(month) }, monthOnly(month)) : monthOnly(month),
          cells(one, other, today.startsWith(month)),
        ),
      ),
      row(t("calendar.total"), cells(total, others)),
    );
  }

  /**
   * The days of a span that are over, against those of the same dates.
   * @param {Found} found @param {string} from @param {string} to
   * @param {{ name: string, href: string, same: (day: string) => string }[]} others `same` leads from a date to theirs
   */
  #compared(found, from, to, others) {
    const { days, today, isSum } = found;
    const end = today >= from && today < to ? today : to;
    const sum = (/** @type {string} */ first, /** @type {string} */ last) =>
      totalOf(daysBetween(days, first, last), this.#spanMs(found, first, last));
    const one = sum(from, end);
    if (one.days === 0) return null;
    const all = others.map(({ name, href, same }) => {
      const [first, last] = [same(from), same(end)];
      return {
        name,
        href,
        one,
        other: sum(first, last),
        note: t("calendar.from_to", { from: shortDay(first), to: shortDay(addDays(last, -1)) }),
      };
    });
    return section(t("reports.compared"), comparison(t("reports.compared"), all, isSum));
  }

  /** A machine that is new is not one of which little is known. */
  #covered(
    /** @type {Found} */ found,
    /** @type {import("../reports/days.js").Total} */ { coveredMs },
    /** @type {string} */ from,
    /** @type {string} */ to,
  ) {
    const [first] = [...found.days.keys()].sort();
    const [, begin] = [first, from].sort();
    return { coveredMs, spanMs: this.#spanMs(found, begin, to) };
  }

  /** How much of the days from one up to another has passed, for every machine that is summed. */
  #spanMs(/** @type {Found} */ { machines, zone, isSum, days }, /** @type {string} */ from, /** @type {string} */ to) {
    if (isSum) return daysBetween(days, from, to).reduce((sum, { spanMs }) => sum + spanMs, 0);
    return Math.max(Math.min(startOfDay(to, zone), serverNow()) - startOfDay(from, zone), 0) * machines.length;
  }

  /** @returns {Notice} */
  #nothing(/** @type {Found} */ { days, machines, isSum }, /** @type {string} */ what, /** @type {string} */ from) {
    const name = isSum ? t("calendar.all") : machines[0].title;
    const there = [...days.keys()].sort();
    const nearest = [there.findLast((day) => day < from), there.find((day) => day > from)];
    const length = this.month ? 7 : 4;
    return {
      level: "info",
      title: t("calendar.nothing", { machine: name, what }),
      text: there.length > 0 ? t("calendar.nearest") : t("calendar.none_yet"),
      links: nearest
        .filter((day) => day !== undefined)
        .map((day) => day.slice(0, length))
        .map((each) => ({
          text: this.month ? monthName(each) : each,
          href: this.#href(this.month ? { month: each } : { year: each }),
        })),
    };
  }

  #showMachines() {
    fill(
      this.chooser,
      this.fleet.machines.length > 1 ? element("option", { value: ALL }, t("calendar.all")) : null,
      ...machineOptions(this.fleet),
    );
    this.chooser.disabled = false;
    const [machine] = this.#chosen();
    this.chooser.value = this.wanted === ALL ? ALL : machine ? this.fleet.address(machine) : "";
  }

  #showHead(/** @type {Found} */ found) {
    const { machines, days, zone, today, isSum } = found;
    const [machine] = machines;
    this.title = this.month ? monthName(this.month) : this.year;
    byId("report-title").textContent = this.title;
    byId("machine-title").textContent = isSum ? t("calendar.all") : machine.title;
    byId("machine-tag").hidden = !machines.some(({ simulated }) => simulated);
    byId("days-of").textContent = machines.every((each) => each.zone === zone)
      ? t("reports.days_of", { zone })
      : t("reports.days_of_each");
    const first = [...days.keys()].reduce((a, b) => (a < b ? a : b), `${today.slice(0, 4)}-01-01`);
    const years = [];
    for (let year = Number(today.slice(0, 4)); year >= Number(first.slice(0, 4)); year--) years.push(String(year));
    if (!years.includes(this.year)) years.push(this.year);
    fill(this.yearChooser, ...years.map((year) => element("option", { value: year }, year)));
    this.yearChooser.value = this.year;
    this.yearChooser.disabled = false;
    fill(
      this.monthChooser,
      element("option", { value: "" }, t("calendar.whole_year")),
      ...monthsOf(this.year).map((month) => element("option", { value: month }, monthOnly(month))),
    );
    this.monthChooser.value = this.month ?? "";
    this.monthChooser.disabled = false;
    const step = (/** @type {-1 | 1} */ by) =>
      this.month ? { month: addMonths(this.month, by) } : { year: addYears(this.year, by) };
    const begins = (/** @type {{ month?: string, year?: string }} */ { month, year }) => month ?? year ?? "";
    const [before, after] = [step(-1), step(1)];
    const lead = (
      /** @type {string} */ id,
      /** @type {{ month?: string, year?: string }} */ to,
      /** @type {boolean} */ leads,
    ) => {
      if (leads) byId(id).setAttribute("href", this.#href(to));
      else byId(id).removeAttribute("href");
    };
    lead("previous", before, begins(before) >= first.slice(0, begins(before).length));
    lead("next", after, begins(after) <= today.slice(0, begins(after).length));
    const links = byId("links");
    links.hidden = isSum;
    if (isSum) return;
    const [from, to] = this.month
      ? [`${this.month}-01`, `${addMonths(this.month, 1)}-01`]
      : [`${this.year}-01-01`, `${addYears(this.year, 1)}-01-01`];
    const address = this.fleet.address(machine);
    const span = { from: iso(startOfDay(from, zone)), to: iso(startOfDay(to, zone)) };
    fill(
      links,
      element("a", { href: link("machine.html", { machine: address, ...span }) }, t("reports.in_machine_view")),
      this.month
        ? element("a", { href: this.#href({ year: this.year }) }, t("calendar.this_year", { year: this.year }))
        : null,
      element("a", { href: link("files.html", { machine: address }) }, t("reports.files")),
    );
  }

  #links(/** @type {Found} */ { machines, isSum }) {
    const machine = isSum ? null : this.fleet.address(machines[0]);
    return {
      report: (/** @type {string} */ day) =>
        machine ? link("daily.html", { machine, date: day }) : `${this.#href({ month: day.slice(0, 7) })}#day-${day}`,
      month: (/** @type {string} */ month) => this.#href({ month }),
    };
  }

  /** @param {{ month?: string, year?: string }} what */
  #href({ month, year }) {
    return link("calendar.html", { machine: this.#address, month: month ?? null, year: month ? null : (year ?? null) });
  }

  /** The machine as an address names it. */
  get #address() {
    const [machine] = this.wanted === ALL ? [] : this.#chosen();
    return machine ? this.fleet.address(machine) : this.wanted;
  }

  #chosen() {
    const { machines } = this.fleet;
    if (this.wanted === ALL) return machines.length > MOST_MACHINES ? [] : machines;
    const found = this.wanted === null ? machines[0] : this.fleet.find(this.wanted);
    return found ? [found] : [];
  }

  /** @param {{ wanted?: string, month?: string | null, year?: string }} changed */
  #go(changed) {
    if (changed.wanted !== undefined) this.wanted = changed.wanted;
    if (changed.month !== undefined) this.askedMonth = changed.month;
    if (changed.year !== undefined) this.askedYear = changed.year;
    setAddress({ machine: this.#address, month: this.askedMonth, year: this.askedMonth ? null : this.askedYear }, true);
    this.show();
  }

  #fromAddress() {
    this.wanted = parameter("machine");
    this.askedMonth = parameter("month");
    this.askedYear = parameter("year");
    this.month = null;
    this.year = "";
  }

  #say(/** @type {(Notice | null)[]} */ ...notices) {
    showNotices(byId("notices"), notices);
  }
}

/** What low coverage means. */
function lowText(/** @type {Found} */ { machines, isSum }) {
  return isSum ? t("trust.low_coverage_all") : t("trust.low_coverage_text", { title: machines[0].title });
}

/** A part of the report. */
function section(/** @type {string | null} */ title, /** @type {(Node | null)[]} */ ...content) {
  return element("section", {}, title && element("h2", {}, title), ...content);
}

function dayRow(
  /** @type {string} */ day,
  /** @type {Day | null} */ one,
  /** @type {boolean} */ isSum,
  /** @type {string} */ href,
) {
  const name = weekdayAndDay(day);
  const kind = weekday(day) > 5 ? "weekend" : "";
  if (!one) {
    const empty = row(name, [t("reports.no_readings")], `none ${kind}`);
    empty.lastElementChild?.setAttribute("colspan", isSum ? "2" : "5");
    return empty;
  }
  const made = row(
    isSum ? name : element("a", { href }, name),
    [
      energySoFar(energyWh(one), one.isOpen),
      ...(isSum ? [] : [format.meanWatts(meanW(one)), format.watts(one.low), format.watts(one.high)]),
      element("span", coverage(one) < LOW_COVERAGE ? { class: "low" } : {}, format.coverage(one.coveredMs, one.spanMs)),
    ],
    kind,
  );
  made.id = `day-${day}`;
  return made;
}

/** What bars of two years are. @param {string[]} years */
function key([year, before]) {
  return barsKey([
    ["", year],
    ["before", before],
  ]);
}

function daysKey() {
  return barsKey([
    ["", t("calendar.workday")],
    ["weekend", t("calendar.weekend")],
    ["low", t("calendar.low")],
  ]);
}

/** The cost where no rate depends on the time; null where one does, or machines have different tariffs. */
function flatCost(/** @type {Machine[]} */ machines, /** @type {number} */ kwh) {
  const tariffs = machines.map(({ tariff }) => tariff);
  if (tariffs.some((each) => !each || each.rates.length > 0)) return null;
  const price = only(tariffs.map((each) => each && `${each.perKwh} ${each.currency}`));
  return price === null || !tariffs[0] ? null : kwh * tariffs[0].perKwh;
}

/** What all of them are, or null. @template T @param {T[]} all */
function only(all) {
  return all.every((each) => each === all[0]) ? all[0] : null;
}

/** By its rates, null where not all could be read, from hourly rows where rates and clocks change at UTC's full hours, else from five-minute rows. */
async function costOfYear(
  /** @type {Machine} */ machine,
  /** @type {string} */ zone,
  /** @type {string} */ from,
  /** @type {string} */ to,
) {
  const [begin, end] = [startOfDay(from, zone), Math.min(startOfDay(to, zone), serverNow())];
  const atHours =
    (machine.tariff?.rates ?? []).every((rate) => rate.from % 60 === 0 && rate.to % 60 === 0) &&
    monthsOf(from.slice(0, 4)).every((month) => offsetAt(Date.parse(`${month}-15`), zone) % HOUR === 0);
  const level = atHours ? "hours" : "five-minutes";
  const history = new MachineHistory(machine);
  const rows = await history.rows(level, begin, end);
  const notices = [...history.errors.map(fileNotice), ...history.damaged([begin, end]).map(badRowsNotice)];
  const { cost } = figuresOfRows(rows, ROW_MS[level], machine, begin, end, machine.intervalMs);
  return { cost: history.errors.length > 0 ? null : cost, notices };
}

await begin((site) => new Calendar(site).show());
