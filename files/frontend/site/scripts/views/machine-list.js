/** The table of all machines with what they draw now; rows stay while their figures change, so that focus stays too. */

import { element } from "../element.js";
import * as format from "../format.js";
import { serverNow } from "../published/fetching.js";
import { clock, date, shortDate } from "../time.js";
import { reasonWords, STATES } from "../words.js";

/** @typedef {import("../published/fleet.js").Machine} Machine */

export class MachineList {
  /**
   * @param {HTMLElement} table @param {(machine: Machine) => string} href
   * @param {(machine: Machine) => void} onChoose
   */
  constructor(table, href, onChoose) {
    this.table = table;
    this.href = href;
    this.onChoose = onChoose;
    this.made = "";
    /** @type {Map<string, { row: HTMLElement, link: HTMLElement, detail: HTMLElement, watts: HTMLElement, age: HTMLElement }>} */
    this.rows = new Map();
    /** @type {Map<string, HTMLElement>} */
    this.sums = new Map();
  }

  /** @param {Machine[]} machines @param {string | null} chosen its id */
  show(machines, chosen) {
    const groups = Map.groupBy(machines, ({ group }) => group);
    this.#make(groups);
    for (const machine of machines) this.#update(machine, machine.id === chosen);
    for (const [group, members] of groups) {
      const sum = this.sums.get(group);
      if (sum) setText(sum, format.watts(sumOf(members).watts));
    }
  }

  #make(/** @type {Map<string, Machine[]>} */ groups) {
    const key = JSON.stringify(
      [...groups].map(([group, all]) => [group, all.map((m) => [m.id, m.title, m.simulated])]),
    );
    if (key === this.made) return;
    this.made = key;
    this.rows.clear();
    this.sums.clear();
    const named = groups.size > 1 || !groups.has("");
    for (const body of this.table.querySelectorAll("tbody")) body.remove();
    this.table.append(
      ...[...groups].map(([group, members]) =>
        element("tbody", {}, named && this.#heading(group), ...members.map((machine) => this.#row(machine))),
      ),
    );
  }

  #heading(/** @type {string} */ group) {
    const sum = element("td", { class: "watts" });
    this.sums.set(group, sum);
    return element(
      "tr",
      { class: "group" },
      element("th", { scope: "rowgroup" }, group || "Without a group"),
      sum,
      element("td"),
    );
  }

  #row(/** @type {Machine} */ machine) {
    const link = element(
      "a",
      {
        href: this.href(machine),
        onclick: (event) => {
          const { ctrlKey, metaKey, shiftKey, button } = /** @type {MouseEvent} */ (event);
          if (ctrlKey || metaKey || shiftKey || button !== 0) return;
          event.preventDefault();
          this.onChoose(machine);
        },
      },
      machine.title,
    );
    const made = {
      link,
      detail: element("small", { class: "state" }),
      watts: element("td", { class: "watts" }),
      age: element("td", { class: "age" }),
      row: element("tr"),
    };
    const tag = machine.simulated && element("span", { class: "tag" }, "simulated");
    made.row.append(element("th", { scope: "row" }, link, tag, made.detail), made.watts, made.age);
    this.rows.set(machine.id, made);
    return made.row;
  }

  #update(/** @type {Machine} */ machine, /** @type {boolean} */ chosen) {
    const made = this.rows.get(machine.id);
    if (!made) return;
    const { state, watts, ageMs } = machine.reading;
    made.row.dataset.state = state;
    if (chosen) made.link.setAttribute("aria-current", "true");
    else made.link.removeAttribute("aria-current");
    setText(made.detail, stateWords(machine));
    setText(made.watts, format.watts(watts));
    setText(made.age, format.age(ageMs));
  }
}

/** What the machines that answer draw together. @param {Machine[]} machines */
export function sumOf(machines) {
  const fresh = machines.filter(({ reading }) => reading.state === "fresh" && reading.watts !== null);
  const watts = fresh.length > 0 ? fresh.reduce((sum, { reading }) => sum + Number(reading.watts), 0) : null;
  return { watts, count: fresh.length };
}

/** A machine's state in words, with why and since when. @param {Machine} machine */
export function stateWords({ reading, zone }) {
  const { state, reason, since } = reading;
  const words = STATES[state] ?? state;
  if (state !== "silent") return words;
  const today = since !== null && date(since, zone) === date(serverNow(), zone);
  const when = since === null ? "" : ` since ${today ? "" : `${shortDate(since, zone)}, `}${clock(since, zone, false)}`;
  return `${words}${when}: ${reasonWords(reason)}`;
}

function setText(/** @type {HTMLElement} */ place, /** @type {string} */ text) {
  if (place.textContent !== text) place.textContent = text;
}
