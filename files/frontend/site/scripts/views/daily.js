/** Daily report: any day of a machine, by its date. */

import { link, parameter, setAddress, spanInAddress, spanParameters } from "../address.js";
import { byId, element, fill } from "../element.js";
import * as format from "../format.js";
import { showNotices } from "../notices.js";
import { Panel } from "../panel.js";
import { passed } from "../passed.js";
import { FileError, serverNow } from "../published/fetching.js";
import { Fleet, fileOf, hasDay, loadEvents, neighbours } from "../published/fleet.js";
import { readDay } from "../published/follow.js";
import { loadSite } from "../published/site.js";
import { seriesOf } from "../series.js";
import { clock, dayOf, isDay, longDay, spanOfDay } from "../time.js";
import { badRowsNotice, fileNotice, noMachinesNotice, reasonWords, troubleNotice } from "../words.js";

/**
 * @typedef {import("../published/fleet.js").Machine} Machine
 * @typedef {import("../words.js").Notice} Notice
 */

class Daily {
  /** @param {import("../published/site.js").Site} site */
  constructor(site) {
    this.site = site;
    this.fleet = new Fleet(site);
    /** @type {string | null} the machine in the address */
    this.wanted = null;
    /** @type {string | null} the day in the address */
    this.date = null;
    this.round = 0;
    this.panel = new Panel(byId("panel"), site, () => this.#remember(false));
    this.picker = /** @type {HTMLInputElement} */ (byId("date"));
    this.chooser = /** @type {HTMLSelectElement} */ (byId("machine"));
    this.#fromAddress();
    this.picker.addEventListener("change", () => this.#go(this.wanted, this.picker.value || null));
    this.chooser.addEventListener("change", () => this.#go(this.chooser.value, this.date));
    byId("update").addEventListener("click", () => this.show());
    addEventListener("popstate", () => {
      this.#fromAddress();
      this.show();
    });
  }

  /** Read the day in the address and show it, or say why not. What was shown before goes first. */
  async show() {
    const round = ++this.round;
    this.panel.hide();
    byId("files").hidden = true;
    this.#say({ level: "info", title: "Reading …", text: "" });
    await this.fleet.refresh({ index: true });
    if (round !== this.round) return;
    const { machines, troubles, known } = this.fleet;
    this.#showChoice();
    const general = troubles.map((trouble) => troubleNotice(trouble, this.site.zone, serverNow()));
    if (machines.length === 0) {
      this.#say(...general, known ? noMachinesNotice(this.site.collectors.length > 1) : null);
      return;
    }
    const machine = this.#machine();
    const day = this.#day(machine);
    this.#showHead(machine, day);
    const absent = this.#absence(machine, day);
    if (absent || !machine || !day) {
      this.#say(...general, absent);
      return;
    }
    const notices = await this.#load(machine, day, round);
    if (round === this.round) this.#say(...general, ...notices);
  }

  /** @returns {Promise<(Notice | null)[]>} */
  async #load(/** @type {Machine} */ machine, /** @type {string} */ day, /** @type {number} */ round) {
    const [file, events] = await Promise.allSettled([readDay(fileOf(machine, `${day}.csv`)), loadEvents(machine, day)]);
    if (round !== this.round) return [];
    if (file.status === "rejected") {
      if (!(file.reason instanceof FileError)) throw file.reason;
      return [fileNotice(file.reason)];
    }
    const reader = file.value;
    const window = spanOfDay(day, machine.zone);
    const now = serverNow();
    const over = now >= window[1];
    // The last line of a day that is over will not go on.
    if (over) reader.close();
    const { intervalMs, events: happened } =
      events.status === "fulfilled" ? events.value : { intervalMs: machine.intervalMs, events: [] };
    byId("files").hidden = false;
    if (reader.at.length === 0) return [badRowsNotice(reader) ?? this.#empty(day, happened)];
    const series = seriesOf(reader, intervalMs, happened);
    const counted = over ? window : passed(window, now, reader.at.at(-1), intervalMs);
    this.panel.show({
      series,
      window,
      counted,
      zone: machine.zone,
      title: machine.title,
      whole: over ? "The whole day" : `The day so far, until ${clock(counted[1], machine.zone)}`,
    });
    return [
      badRowsNotice(reader),
      events.status === "rejected"
        ? { level: "warn", title: "Why there are holes is not known", text: `${events.reason.message}.` }
        : null,
      ...series.steps.map((step) => stepNotice(step, machine.zone)),
    ];
  }

  #machine() {
    return this.wanted === null ? (this.fleet.machines[0] ?? null) : this.fleet.find(this.wanted);
  }

  /** The day asked for; else today, or the last day there is. */
  #day(/** @type {Machine | null} */ machine) {
    if (this.date !== null || !machine) return this.date;
    const today = dayOf(serverNow(), machine.zone);
    return hasDay(machine, today) ? today : (machine.days.at(-1)?.[1] ?? today);
  }

  /** Why there is nothing to read, or null. @returns {Notice | null} */
  #absence(/** @type {Machine | null} */ machine, /** @type {string | null} */ day) {
    if (!machine) {
      return {
        level: "bad",
        title: `No machine is called “${this.wanted}” here`,
        text: "It may have been renamed or taken out. Choose one above.",
      };
    }
    if (day === null || !isDay(day)) {
      return {
        level: "bad",
        title: `“${day}” is not a date`,
        text: "Choose one above; in the address it is written as 2026-11-24.",
      };
    }
    if (hasDay(machine, day)) return null;
    if (machine.days.length === 0) {
      return {
        level: "info",
        title: `There are no readings of ${machine.title} yet`,
        text: "They appear here by themselves.",
      };
    }
    const { before, after } = neighbours(machine, day);
    const links = [before, after]
      .filter((each) => each !== null)
      .map((each) => ({ text: each, href: this.#href(machine, each) }));
    const title =
      day > dayOf(serverNow(), machine.zone)
        ? `${longDay(day)} has not come yet`
        : `No readings of ${machine.title} on ${longDay(day)}`;
    return { level: "info", title, text: `The nearest ${links.length === 1 ? "day" : "days"} with readings:`, links };
  }

  /** @returns {Notice} */
  #empty(/** @type {string} */ day, /** @type {import("../published/fleet.js").Happening[]} */ happened) {
    const outage = happened.find(({ kind }) => kind === "outage");
    return {
      level: "warn",
      title: `The file of ${day} holds no reading`,
      text: outage
        ? `The machine gave none: ${reasonWords(outage.reason)}. ${outage.detail}`
        : "It is there, but has no rows, and why was not recorded.",
    };
  }

  #showChoice() {
    const options = this.fleet.machines.map((each) =>
      element("option", { value: this.fleet.address(each) }, each.title),
    );
    fill(this.chooser, ...options);
    this.chooser.disabled = options.length === 0;
  }

  #showHead(/** @type {Machine | null} */ machine, /** @type {string | null} */ day) {
    this.chooser.value = machine ? this.fleet.address(machine) : "";
    byId("machine-tag").hidden = !machine?.simulated;
    const valid = isDay(day);
    this.picker.value = valid ? String(day) : "";
    byId("day-title").textContent = valid ? longDay(String(day)) : "Daily report";
    byId("machine-title").textContent = machine?.title ?? "";
    if (!machine) return;
    this.picker.min = machine.days[0]?.[0] ?? "";
    this.picker.max = dayOf(serverNow(), machine.zone);
    const { before, after } = valid ? neighbours(machine, String(day)) : { before: null, after: null };
    this.#step("previous", machine, before);
    this.#step("next", machine, after);
    if (!valid) return;
    const [csv, events] = [fileOf(machine, `${day}.csv`), fileOf(machine, `${day}.events.json`)];
    fill(
      byId("files"),
      element("a", { href: csv, download: `${machine.name}-${day}.csv` }, "All readings (CSV)"),
      element("a", { href: events }, "What happened (JSON)"),
    );
  }

  #step(/** @type {string} */ id, /** @type {Machine} */ machine, /** @type {string | null} */ day) {
    const anchor = byId(id);
    if (day) anchor.setAttribute("href", this.#href(machine, day));
    else anchor.removeAttribute("href");
    anchor.title = day ?? "no such day with readings";
  }

  #href(/** @type {Machine} */ machine, /** @type {string} */ date) {
    return link("daily.html", { machine: this.fleet.address(machine), date });
  }

  #go(/** @type {string | null} */ machine, /** @type {string | null} */ date) {
    this.wanted = machine;
    this.date = date;
    this.panel.select(null);
    this.#remember(true);
    this.show();
  }

  #fromAddress() {
    this.wanted = parameter("machine");
    this.date = parameter("date");
    this.panel.select(spanInAddress());
  }

  #remember(/** @type {boolean} */ asStep) {
    const machine = this.#machine();
    const wanted = machine ? this.fleet.address(machine) : this.wanted;
    setAddress({ machine: wanted, date: this.#day(machine), ...spanParameters(this.panel.selection) }, asStep);
  }

  #say(/** @type {(Notice | null)[]} */ ...notices) {
    showNotices(byId("notices"), notices);
  }
}

/** @param {import("../published/fleet.js").Happening} step @param {string} zone @returns {Notice} */
function stepNotice({ begin, value }, zone) {
  const ms = Number(value);
  return {
    level: "info",
    title: `The collector's clock was set ${ms < 0 ? "back" : "forward"} by ${format.duration(ms)} at ${clock(begin, zone)}`,
    text: "Energy counts the time that really passed; the chart shows the times as they were read.",
  };
}

try {
  await new Daily(await loadSite()).show();
} catch (error) {
  if (!(error instanceof FileError)) throw error;
  showNotices(byId("notices"), [
    { level: "bad", title: "The page's own settings cannot be read", text: `${error.message}. Load the page again.` },
  ]);
}
