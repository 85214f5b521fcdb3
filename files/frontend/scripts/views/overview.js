/** The overview: what the room draws now, its day so far, its last 24 hours, and every machine. */

import { link, setAddress } from "../address.js";
import { byId, element, setText } from "../element.js";
import * as format from "../format.js";
import { begin } from "../frame.js";
import { t } from "../language.js";
import { showNotices } from "../notices.js";
import { arranged, filtered, isIn } from "../overview/arrangement.js";
import { choiceOf, parametersOf, sortedBy } from "../overview/choice.js";
import { co2Today, costToday, entriesOf, sumOf } from "../overview/entries.js";
import { highest, lastDayOf } from "../overview/last-day.js";
import { MachineTable } from "../overview/machine-table.js";
import { RoomChart } from "../overview/room-chart.js";
import { stateWords, whyWords } from "../overview/state-words.js";
import { Summaries } from "../overview/summaries.js";
import { saysOnPaper } from "../printing.js";
import { serverNow } from "../published/fetching.js";
import { Fleet } from "../published/fleet.js";
import { clock, zoneLabel } from "../time.js";
import { indexNotices } from "../trust.js";
import { moment, nobodyNotice, troubleNotice } from "../words.js";
import { shownZone } from "../zone.js";

/**
 * @typedef {import("../overview/entries.js").Entry} Entry
 * @typedef {import("../words.js").Notice} Notice
 */

const INDEX_MS = 60_000;
const MINUTE = 60_000;

class OverviewPage {
  /** @param {import("../published/site.js").Site} site */
  constructor(site) {
    this.site = site;
    this.zone = shownZone(site.zone);
    this.fleet = new Fleet(site);
    this.summaries = new Summaries(site.collectors);
    this.choice = choiceOf(new URLSearchParams(location.search));
    /** @type {Entry[]} */
    this.entries = [];
    this.indexAt = Number.NEGATIVE_INFINITY;
    this.round = 0;
    this.timer = 0;
    this.drawnAs = "";
    /** @type {ReturnType<typeof lastDayOf> | null} */
    this.lastDay = null;
    /** @type {Map<string, HTMLElement>} */
    this.facts = new Map();
    this.follow = /** @type {HTMLInputElement} */ (byId("follow"));
    this.filter = /** @type {HTMLInputElement} */ (byId("filter"));
    this.state = /** @type {HTMLSelectElement} */ (byId("state"));
    this.by = /** @type {HTMLSelectElement} */ (byId("by"));
    this.table = new MachineTable(
      byId("fleet"),
      ({ machine }) => this.fleet.address(machine),
      (column) => this.#choose({ sort: sortedBy(this.choice.sort, column) }),
    );
    /** @type {RoomChart | null} made when there is something to draw, and room for it */
    this.chart = null;
    saysOnPaper(byId("on-paper"), () => ({
      parts: [document.title.split(" · ").slice(1).join(" · "), zoneLabel(this.zone, serverNow())],
      zone: this.zone,
    }));
    this.#listen();
    this.#showChoice();
  }

  /** Read what is new and show it; then again and again while real time is on. @param {boolean} [all] whether the visitor asked */
  async update(all = false) {
    clearTimeout(this.timer);
    const round = ++this.round;
    const index = all || performance.now() - this.indexAt >= INDEX_MS;
    if (index) this.indexAt = performance.now();
    const summaries = this.summaries.refresh(all);
    await this.fleet.refresh({ index });
    // Something newer is on its way.
    if (round !== this.round) return;
    this.#show(true);
    if (await summaries) this.#show(true);
    if (round !== this.round) return;
    if (this.follow.checked && !document.hidden) {
      this.timer = window.setTimeout(() => this.update(), this.site.refreshMs);
    }
  }

  #listen() {
    this.follow.addEventListener("change", () => {
      if (this.follow.checked) this.update();
      else clearTimeout(this.timer);
    });
    byId("update").addEventListener("click", () => this.update(true));
    this.filter.addEventListener("input", () => this.#choose({ text: this.filter.value }));
    this.state.addEventListener("change", () => {
      this.#choose({ state: choiceOf(new URLSearchParams({ state: this.state.value })).state });
    });
    this.by.addEventListener("change", () => {
      this.#choose({ by: choiceOf(new URLSearchParams({ by: this.by.value })).by });
    });
    byId("show").addEventListener("change", (event) => {
      this.#choose({ show: /** @type {HTMLInputElement} */ (event.target).value === "tiles" ? "tiles" : "rows" });
    });
    byId("clear").addEventListener("click", () => {
      this.#choose({ text: "", state: null });
      this.filter.focus();
    });
    // A banner's link filters here, without loading the page again.
    byId("notices").addEventListener("click", (event) => {
      const { ctrlKey, metaKey, shiftKey, target } = /** @type {MouseEvent} */ (event);
      const anchor = /** @type {HTMLElement} */ (target).closest("a");
      if (!anchor || ctrlKey || metaKey || shiftKey) return;
      event.preventDefault();
      this.#choose({ ...choiceOf(new URL(anchor.href).searchParams) });
      byId("machines").scrollIntoView({ block: "start" });
      this.state.focus({ preventScroll: true });
    });
    addEventListener("popstate", () => {
      this.choice = choiceOf(new URLSearchParams(location.search));
      this.#showChoice();
      this.#show(false);
    });
    addEventListener("pageshow", (event) => {
      if (event.persisted) this.update();
    });
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && this.follow.checked) this.update();
    });
  }

  #choose(/** @type {Partial<import("../overview/choice.js").Choice>} */ changed) {
    this.choice = { ...this.choice, ...changed };
    setAddress(parametersOf(this.choice), false);
    this.#showChoice();
    this.#show(false);
  }

  #showChoice() {
    const { show, by, text, state } = this.choice;
    if (this.filter.value !== text) this.filter.value = text;
    this.state.value = state ?? "";
    this.by.value = by;
    for (const input of byId("show").querySelectorAll("input")) input.checked = input.value === show;
    byId("fleet").dataset.show = show;
  }

  #show(/** @type {boolean} */ isNews) {
    const now = serverNow();
    this.entries = entriesOf(this.fleet.machines, this.summaries.overviews, now);
    const sum = sumOf(this.entries);
    this.#showNotices(now);
    byId("total").textContent = format.watts(sum.watts);
    const answers = sum.answering === sum.count ? "overview.answer_all" : "overview.answer_some";
    const simulated = this.entries.filter(({ machine }) => machine.simulated).length;
    byId("total-note").textContent =
      sum.count === 0
        ? ""
        : [
            t(answers, { n: sum.count, answering: sum.answering }),
            ...(simulated > 0 && simulated < sum.count ? [t("overview.simulated", { n: simulated })] : []),
            moment(now, this.zone),
          ].join(" · ");
    byId("total-tag").hidden = simulated === 0 || simulated < sum.count;
    this.#showLastDay(now);
    this.#showFacts(sum);
    this.#showMachines(now, isNews);
  }

  /** Drawn again only when there is something new to see. */
  #showLastDay(/** @type {number} */ now) {
    const { overviews, version } = this.summaries;
    const kind = this.choice.by === "rack" ? "rack" : "group";
    const drawnAs = [version, kind, this.entries.length, Math.floor(now / MINUTE)].join();
    if (drawnAs === this.drawnAs) return;
    this.drawnAs = drawnAs;
    const isThere = overviews.size > 0 && this.entries.length > 0;
    byId("last-day").hidden = !isThere;
    this.lastDay = isThere ? lastDayOf(this.entries, overviews, kind, now) : null;
    if (!this.lastDay) return;
    const day = this.lastDay;
    byId("last-day-note").textContent =
      day.covered === null
        ? ""
        : t("overview.last_day_note", { length: format.duration(day.stepMs), share: format.percent(day.covered) });
    this.chart ??= new RoomChart(byId("room-chart"), /** @type {HTMLDetailsElement} */ (byId("room-table")));
    this.chart.show(day, kind, this.zone);
  }

  /** The room's day so far, in figures. */
  #showFacts(/** @type {import("../overview/entries.js").Sum} */ { count, counted, energyWh, coverage }) {
    const day = this.lastDay;
    const of = counted < count ? t("overview.today_of", { n: counted, all: count }) : null;
    const covered = coverage === null ? null : t("overview.today_coverage", { coverage: format.percent(coverage) });
    const cost = costToday(this.entries, this.site.currency);
    const co2 = co2Today(this.entries);
    const top = day && highest(day);
    const isKnown = energyWh !== null || coverage !== null;
    this.#fact(
      "today",
      isKnown ? (energyWh === null ? "–" : format.energy(energyWh)) : null,
      [of, covered].filter((each) => each !== null).join(", "),
    );
    this.#fact(
      "cost",
      cost && format.money(cost.amount, cost.currency),
      cost && cost.perKwh !== null ? t("overview.cost_note", { rate: format.rate(cost.perKwh, cost.currency) }) : "",
    );
    this.#fact(
      "co2",
      co2 && format.mass(co2.grams),
      co2 && co2.perKwh !== null ? t("overview.co2_note", { mass: format.mass(co2.perKwh) }) : "",
    );
    this.#fact(
      "highest",
      top && format.watts(top.watts),
      top && day
        ? t("overview.highest_note", { when: clock(top.at, this.zone, false), length: format.duration(day.stepMs) })
        : "",
    );
  }

  /** @param {string} name @param {string | null} value null for none @param {string} note */
  #fact(name, value, note) {
    let place = this.facts.get(name);
    if (!place) {
      if (value === null) return;
      place = element(
        "div",
        { id: `fact-${name}` },
        element("dt", {}, t(`overview.${name}`)),
        element("dd", {}, element("strong"), element("small")),
      );
      this.facts.set(name, place);
      byId("today").append(place);
    }
    place.hidden = value === null;
    const [strong, small] = place.querySelectorAll("strong, small");
    if (strong.textContent !== value) strong.textContent = value ?? "";
    if (small.textContent !== note) small.textContent = note;
  }

  #showMachines(/** @type {number} */ now, /** @type {boolean} */ isNews) {
    byId("machines").hidden = this.entries.length === 0;
    const shown = filtered(this.entries, this.choice, (entry) => `${stateWords(entry, now)} ${whyWords(entry)}`);
    const sum = sumOf(shown);
    const [n, some] = [this.entries.length, shown.length];
    setText(byId("shown"), some === n ? t("overview.shown_all", { n }) : t("overview.shown_some", { n, shown: some }));
    const energy = sum.energyWh === null ? "–" : format.energy(sum.energyWh);
    setText(byId("shown-sum"), t("overview.shown_sum", { n: some, watts: format.watts(sum.watts), energy }));
    byId("none").hidden = n === 0 || some > 0;
    byId("fleet").hidden = some === 0;
    this.table.show(this.entries, arranged(shown, this.choice), this.choice.sort, now, isNews);
  }

  #showNotices(/** @type {number} */ now) {
    const { fleet, summaries } = this;
    const troubles = fleet.troubles.map((trouble) => {
      // The age of old figures is told in whole minutes: it would be read out again and again.
      const told = trouble.writtenAt === null ? now : now - ((now - trouble.writtenAt) % MINUTE);
      const notice = troubleNotice(trouble, this.zone, told, true);
      const stale = standsStill(trouble) ? this.#entriesOf(trouble.collector) : [];
      return stale.length > 0 ? { ...notice, links: [this.#filterLink("stale", stale.length)] } : notice;
    });
    for (const [collector, error] of summaries.errors) {
      const isTold = fleet.troubles.some((each) => each.collector === collector && each.error?.kind === error.kind);
      // Of an older collector without machines there is nothing to miss.
      if (isTold || (error.kind === "missing" && this.#entriesOf(collector).length === 0)) continue;
      troubles.push(
        error.kind === "missing"
          ? {
              level: "info",
              title: t("overview.no_overview", { collector }),
              text: t("overview.no_overview_text"),
            }
          : troubleNotice(
              { collector, file: /** @type {any} */ ("overview"), error, writtenAt: null },
              this.zone,
              now,
              true,
            ),
      );
    }
    troubles.push(...indexNotices(fleet.machines, now, true));
    const nobody = nobodyNotice(fleet);
    if (nobody) troubles.push(nobody);
    const unique = new Map(troubles.map((notice) => [JSON.stringify(notice), notice]));
    showNotices(byId("notices"), [...unique.values(), ...this.#doubts()]);
  }

  /** What not to trust in the figures. @returns {Notice[]} */
  #doubts() {
    const told = new Set(this.fleet.troubles.filter(standsStill).map(({ collector }) => collector));
    return /** @type {const} */ (["silent", "stale", "doubtful", "incomplete"]).flatMap((state) => {
      const found = this.entries.filter((entry) => isIn(entry, state));
      // Of a collector that stands still, that has been said.
      const n = state === "stale" ? found.filter(({ machine }) => !told.has(machine.collector)).length : found.length;
      if (n === 0) return [];
      return [
        {
          level: "warn",
          title: t(`overview.trust_${state}`, { n }),
          text: t(`overview.trust_${state}_text`, { n }),
          links: [this.#filterLink(state, found.length)],
        },
      ];
    });
  }

  #entriesOf(/** @type {string} */ collector) {
    return this.entries.filter(({ machine }) => machine.collector === collector);
  }

  #filterLink(/** @type {import("../overview/choice.js").Choice["state"]} */ state, /** @type {number} */ n) {
    const href = link("index.html", parametersOf({ ...this.choice, text: "", state }));
    return { text: t("overview.trust_show", { n }), href };
  }
}

/** @param {import("../published/fleet.js").Trouble} trouble */
const standsStill = ({ error, storage }) => error === null && !storage;

await begin((site) => new OverviewPage(site).update());
