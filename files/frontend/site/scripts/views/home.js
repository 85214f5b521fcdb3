/** Home: what all machines draw now, and one of them live. */

import { link, parameter, setAddress, spanInAddress, spanParameters } from "../address.js";
import { byId, element, fill } from "../element.js";
import * as format from "../format.js";
import { showNotices } from "../notices.js";
import { Panel } from "../panel.js";
import { passed } from "../passed.js";
import { FileError, serverNow } from "../published/fetching.js";
import { Fleet, hasDay } from "../published/fleet.js";
import { LiveSamples } from "../published/live.js";
import { loadSite } from "../published/site.js";
import { seriesOf } from "../series.js";
import { clock, date, dayOf, HOUR, zoneLabel } from "../time.js";
import { badRowsNotice, fileNotice, noMachinesNotice, troubleNotice } from "../words.js";
import { MachineList, stateWords, sumOf } from "./machine-list.js";

/** @typedef {import("../published/fleet.js").Machine} Machine */

/** @type {Record<string, { ms: number, words: string }>} */
const SPANS = {
  "15m": { ms: HOUR / 4, words: "the last 15 minutes" },
  "1h": { ms: HOUR, words: "the last hour" },
  "6h": { ms: 6 * HOUR, words: "the last 6 hours" },
  "24h": { ms: 24 * HOUR, words: "the last 24 hours" },
};
const USUAL_SPAN = "1h";
const INDEX_MS = 60_000;

class Home {
  /** @param {import("../published/site.js").Site} site */
  constructor(site) {
    this.site = site;
    this.fleet = new Fleet(site);
    this.live = new LiveSamples();
    /** @type {string | null} id of the machine that `live` is of */
    this.liveId = null;
    /** @type {string | null} the machine in the address */
    this.wanted = null;
    this.span = USUAL_SPAN;
    this.indexAt = 0;
    this.round = 0;
    this.timer = 0;
    this.follow = /** @type {HTMLInputElement} */ (byId("follow"));
    this.panel = new Panel(byId("panel"), site, () => this.#remember(false));
    this.list = new MachineList(
      byId("machines"),
      (machine) => link("", { machine: this.fleet.address(machine) }),
      (machine) => this.#choose(machine),
    );
    this.#fromAddress();
    this.follow.addEventListener("change", () => this.update());
    byId("update").addEventListener("click", () => this.update());
    byId("spans").addEventListener("change", (event) => {
      this.span = /** @type {HTMLInputElement} */ (event.target).value;
      this.#remember(false);
      this.update();
    });
    addEventListener("popstate", () => {
      this.#fromAddress();
      this.update();
    });
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && this.follow.checked) this.update();
    });
  }

  /** Read what is new and show it; then again and again while real time is on. */
  async update() {
    clearTimeout(this.timer);
    const round = ++this.round;
    const index = serverNow() - this.indexAt > INDEX_MS || this.#dayIsMissing();
    if (index) this.indexAt = serverNow();
    await this.fleet.refresh({ index });
    const machine = this.#chosen();
    if (round === this.round) this.#showNow(machine);
    if (machine) {
      if (this.liveId !== machine.id) this.live = new LiveSamples();
      this.liveId = machine.id;
      await this.live.refresh(machine, SPANS[this.span].ms);
    }
    // Something newer is on its way.
    if (round !== this.round) return;
    this.#showLive(machine);
    if (this.follow.checked && !document.hidden) {
      this.timer = window.setTimeout(() => this.update(), this.site.refreshMs);
    }
  }

  /** After midnight, the index knows the new day a little later. */
  #dayIsMissing() {
    const machine = this.#chosen();
    return machine?.reading.state === "fresh" && !hasDay(machine, dayOf(serverNow(), machine.zone));
  }

  #chosen() {
    if (this.wanted !== null) return this.fleet.find(this.wanted);
    const { machines } = this.fleet;
    return machines.find(({ reading }) => reading.state === "fresh") ?? machines[0] ?? null;
  }

  #fromAddress() {
    this.wanted = parameter("machine");
    const span = parameter("span") ?? USUAL_SPAN;
    this.span = Object.hasOwn(SPANS, span) ? span : USUAL_SPAN;
    for (const input of byId("spans").querySelectorAll("input")) input.checked = input.value === this.span;
    this.panel.select(spanInAddress());
  }

  #choose(/** @type {Machine} */ machine) {
    this.wanted = this.fleet.address(machine);
    this.panel.select(null);
    this.#remember(true);
    this.update();
    byId("live").scrollIntoView({ block: "nearest" });
  }

  #remember(/** @type {boolean} */ asStep) {
    const span = this.span === USUAL_SPAN ? null : this.span;
    setAddress({ machine: this.wanted, span, ...spanParameters(this.panel.selection) }, asStep);
  }

  #showNow(/** @type {Machine | null} */ machine) {
    const { fleet, site } = this;
    const now = serverNow();
    showNotices(byId("notices"), [
      ...fleet.troubles.map((trouble) => troubleNotice(trouble, site.zone, now)),
      fleet.known && fleet.machines.length === 0 ? noMachinesNotice(site.collectors.length > 1) : null,
      site.collectors.length === 0
        ? {
            level: "warn",
            title: "This page knows no collector",
            text: "Name one in frontend_collectors and deploy again.",
          }
        : null,
      fleet.machines.length > 0 && machine === null ? this.#unknownMachine() : null,
    ]);
    const { watts, count } = sumOf(fleet.machines);
    byId("total").textContent = format.watts(watts);
    const when = `${date(now, site.zone)}, ${clock(now, site.zone)} ${zoneLabel(site.zone, now)}`;
    byId("total-note").textContent = !fleet.known
      ? ""
      : count === fleet.machines.length
        ? `drawn by ${count === 1 ? "1 machine" : `${format.count(count)} machines`} · ${when}`
        : `drawn by the ${format.count(count)} of ${format.count(fleet.machines.length)} machines that answer · ${when}`;
    byId("machines-table").hidden = fleet.machines.length === 0;
    this.list.show(fleet.machines, machine?.id ?? null);
    byId("live").hidden = machine === null;
    if (machine) this.#showHead(machine);
  }

  /** @returns {import("../words.js").Notice} */
  #unknownMachine() {
    return {
      level: "bad",
      title: `No machine is called “${this.wanted}” here`,
      text: "It may have been renamed or taken out. These are measured:",
      links: this.fleet.machines
        .slice(0, 12)
        .map((each) => ({ text: each.title, href: link("", { machine: this.fleet.address(each) }) })),
    };
  }

  #showHead(/** @type {Machine} */ machine) {
    const { watts, ageMs, state } = machine.reading;
    byId("machine-title").textContent = machine.title;
    byId("machine-tag").hidden = !machine.simulated;
    byId("watts-now").textContent = format.watts(watts);
    byId("state-now").dataset.state = state;
    byId("state-now").textContent = stateWords(machine);
    byId("age-now").textContent = ageMs === null ? "no reading yet" : `read ${format.age(ageMs)} ago`;
    const days = machine.days.at(-1);
    fill(
      byId("machine-links"),
      days
        ? element(
            "a",
            { href: link("daily.html", { machine: this.fleet.address(machine), date: days[1] }) },
            "Daily report",
          )
        : null,
      element("a", { href: link("files.html", { machine: this.fleet.address(machine) }) }, "Files"),
    );
  }

  #showLive(/** @type {Machine | null} */ machine) {
    if (!machine) {
      this.panel.hide();
      return;
    }
    const { samples, intervalMs, events, bad, firstBad } = this.live.read();
    const { ms, words } = SPANS[this.span];
    const now = serverNow();
    const window = /** @type {[number, number]} */ ([now - ms, now]);
    const last = samples.at.at(-1);
    const any = samples.at.some((at) => at >= window[0]);
    const { selection } = this.panel;
    showNotices(byId("live-notices"), [
      this.live.error && fileNotice(this.live.error),
      badRowsNotice({ bad, firstBad, at: samples.at }),
      any || this.live.error ? null : this.#nothing(machine, words),
      any && selection && (selection[1] <= window[0] || selection[0] >= window[1])
        ? this.#elsewhere(machine, selection)
        : null,
    ]);
    if (!any) {
      this.panel.hide();
      return;
    }
    this.panel.show({
      series: seriesOf(samples, intervalMs ?? machine.intervalMs, events),
      window,
      counted: passed(window, now, last, machine.intervalMs),
      zone: machine.zone,
      title: machine.title,
      whole: words[0].toUpperCase() + words.slice(1),
    });
  }

  /** @returns {import("../words.js").Notice} */
  #nothing(/** @type {Machine} */ machine, /** @type {string} */ words) {
    const { at, watts } = machine.reading;
    const day = machine.days.at(-1)?.[1] ?? null;
    return {
      level: "warn",
      title: `No readings in ${words}`,
      text:
        at === null
          ? `${machine.title} has not answered yet: ${stateWords(machine)}.`
          : `The last one is from ${date(at, machine.zone)}, ${clock(at, machine.zone)}: ${format.watts(watts)}.`,
      links: day
        ? [
            {
              text: `Daily report of ${day}`,
              href: link("daily.html", { machine: this.fleet.address(machine), date: day }),
            },
          ]
        : [],
    };
  }

  /** @returns {import("../words.js").Notice} */
  #elsewhere(/** @type {Machine} */ machine, /** @type {[number, number]} */ selection) {
    const day = dayOf(selection[0], machine.zone);
    const parameters = { machine: this.fleet.address(machine), date: day, ...spanParameters(selection) };
    return {
      level: "info",
      title: "The selected span is not in this chart",
      text: `It begins on ${date(selection[0], machine.zone)} at ${clock(selection[0], machine.zone)}.`,
      links: [{ text: `See it in the daily report of ${day}`, href: link("daily.html", parameters) }],
    };
  }
}

try {
  await new Home(await loadSite()).update();
} catch (error) {
  if (!(error instanceof FileError)) throw error;
  showNotices(byId("notices"), [
    { level: "bad", title: "The page's own settings cannot be read", text: `${error.message}. Load the page again.` },
  ]);
}
