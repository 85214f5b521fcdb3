/** Which machines are shown and in which order: filter, groups and racks with their sums, sorting. */

import { locale } from "../language.js";
import { sumOf } from "./entries.js";

/**
 * @typedef {import("./entries.js").Entry} Entry
 * @typedef {import("./choice.js").Choice} Choice
 * @typedef {{ key: string, kind: "group" | "rack", name: string | null, note: string, sum: import("./entries.js").Sum, entries: Entry[], parts: Section[] }} Section
 *   `name` is null where there is nothing to head, empty for what has no group (rack); either `entries` or `parts`
 */

/** Where the trouble is comes first. */
const BY_TROUBLE = ["silent", "stale", "unknown", "waiting", "doubtful", "fresh"];

/**
 * The entries that fit: every word of the text is in what one reads of the machine.
 * @param {Entry[]} entries @param {Choice} choice @param {(entry: Entry) => string} words of its state
 */
export function filtered(entries, { text, state }, words) {
  const wanted = plain(text)
    .split(/\s+/)
    .filter((word) => word !== "");
  return entries.filter((entry) => {
    if (state !== null && !isIn(entry, state)) return false;
    if (wanted.length === 0) return true;
    const { name, title, group, rack, collector } = entry.machine;
    const read = plain([name, title, group, rack, collector, entry.state, words(entry)].join("\n"));
    return wanted.every((word) => read.includes(word));
  });
}

/** Whether an entry is in a state that one can filter by. @param {Entry} entry @param {string} state */
export function isIn(entry, state) {
  if (state === "doubtful") return entry.doubts.length > 0;
  if (state === "incomplete") return entry.incomplete;
  return entry.state === state;
}

/** @param {Entry[]} entries @param {Choice} choice @returns {Section[]} */
export function arranged(entries, { by, sort }) {
  const names = collator();
  const sorted = entries.toSorted(comparison(sort, names));
  const sections = sectionsOf(sorted, by, sort, names);
  // A heading that says of everything that it has no group says nothing.
  return sections.length === 1 && sections[0].name === "" && sections[0].parts.length === 0
    ? [{ ...sections[0], name: null }]
    : sections;
}

/** @param {Entry[]} entries @param {Choice["by"]} by @param {Choice["sort"]} sort @param {Intl.Collator} names @returns {Section[]} */
function sectionsOf(entries, by, sort, names) {
  if (by === "none")
    return [{ key: "all", kind: "group", name: null, note: "", sum: sumOf(entries), entries, parts: [] }];
  /** @type {Map<string, Entry[]>} */
  const groups = new Map();
  for (const entry of entries) {
    const name = entry.machine[by];
    const members = groups.get(name);
    if (members) members.push(entry);
    else groups.set(name, [entry]);
  }
  const sections = [...groups].map(([name, members]) => {
    const key = JSON.stringify([by, name]);
    const racks = by === "group" ? new Set(members.map(({ machine }) => machine.rack)) : new Set([""]);
    const section = { key, kind: by, name, note: "", sum: sumOf(members) };
    if (racks.size === 1) return { ...section, note: [...racks][0], entries: members, parts: [] };
    const parts = sectionsOf(members, "rack", sort, names).map((part) => ({ ...part, key: `${key} ${part.key}` }));
    return { ...section, entries: [], parts };
  });
  const { column, direction } = sort;
  const summed = column === "watts" ? "watts" : column === "energy" ? "energyWh" : null;
  return sections.toSorted((a, b) => {
    if (summed) return ordered(a.sum[summed], b.sum[summed], direction) || named(a.name, b.name, names);
    return named(a.name, b.name, names) * (column === "name" ? direction : 1);
  });
}

/**
 * The same sections and entries, as far as possible in the order of before: what is new comes last.
 * @param {Section[]} sections @param {Section[]} before @returns {Section[]}
 */
export function inOrderOf(sections, before) {
  const parts = new Map(before.map((section, i) => [section.key, { section, i }]));
  return sections
    .map((section) => {
      const old = parts.get(section.key)?.section;
      if (!old) return section;
      const places = new Map(old.entries.map(({ machine }, i) => [machine.id, i]));
      const place = (/** @type {Entry} */ { machine }) => places.get(machine.id) ?? places.size;
      const entries = section.entries.toSorted((a, b) => place(a) - place(b));
      return { ...section, entries, parts: inOrderOf(section.parts, old.parts) };
    })
    .toSorted((a, b) => (parts.get(a.key)?.i ?? parts.size) - (parts.get(b.key)?.i ?? parts.size));
}

/** @param {Choice["sort"]} sort @param {Intl.Collator} names @returns {(a: Entry, b: Entry) => number} */
function comparison({ column, direction }, names) {
  const byName = (/** @type {Entry} */ a, /** @type {Entry} */ b) =>
    names.compare(a.machine.title, b.machine.title) || names.compare(a.machine.id, b.machine.id);
  /** @type {Record<string, (entry: Entry) => number | null>} */
  const values = {
    state: ({ state, doubts }) => BY_TROUBLE.indexOf(state === "fresh" && doubts.length > 0 ? "doubtful" : state),
    watts: ({ answers, watts }) => (answers ? watts : null),
    age: ({ ageMs }) => ageMs,
    peak: ({ peak }) => peak,
    energy: ({ energyWh }) => energyWh,
    coverage: ({ coverage }) => coverage,
  };
  if (column === "name") return (a, b) => direction * byName(a, b);
  const value = values[column];
  return (a, b) => ordered(value(a), value(b), direction) || byName(a, b);
}

/** Names as people order them: node9 before node10. */
function collator() {
  if (made?.language !== locale()) {
    made = { language: locale(), collator: new Intl.Collator(locale(), { numeric: true, sensitivity: "base" }) };
  }
  return made.collator;
}

/** @type {{ language: string, collator: Intl.Collator } | null} Making one costs far more than using it. */
let made = null;

/** What has no value comes last, whichever way. @param {number | null} a @param {number | null} b @param {number} direction */
function ordered(a, b, direction) {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return direction * (a - b);
}

/** What has no name comes last. @param {string | null} a @param {string | null} b @param {Intl.Collator} names */
function named(a, b, names) {
  if (!a || !b) return Number(!a) - Number(!b);
  return names.compare(a, b);
}

/** Without case and accents, as people type. @param {string} text */
function plain(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}
