/** Texts: what the page asks for is there in every language, in the same form, and nothing else is. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const PAGE = fileURLToPath(new URL("../", import.meta.url));
const MODEL = new URL("../../../collector/src/powergraph_collector/model.py", import.meta.url);
const read = (/** @type {string} */ path) => readFileSync(PAGE + path, "utf8");
const sources = readdirSync(PAGE, { recursive: true })
  .map(String)
  .filter((path) => /^scripts\/.*\.js$|^site\/.*\.html\.j2$/.test(path))
  .map((path) => ({ path, text: read(path) }));
/** @type {Record<string, Record<string, Record<string, string | Record<string, string>>>>} */
const languages = Object.fromEntries(
  readdirSync(`${PAGE}site/languages`).map((file) => [
    file.replace(".json", ""),
    JSON.parse(read(`site/languages/${file}`)),
  ]),
);
const keys = Object.entries(languages.en).flatMap(([section, texts]) =>
  Object.keys(texts).map((name) => `${section}.${name}`),
);

/** Every reason that a collector can give. */
const reasons = [
  .../class Reason[\s\S]*?\nclass /.exec(readFileSync(MODEL, "utf8"))[0].matchAll(/ = "([a-z-]+)"$/gm),
].map(([, reason]) => reason);
/** Every doubt that a collector can have. */
const flags = [
  .../class Doubt[\s\S]*?\nclass /.exec(readFileSync(MODEL, "utf8"))[0].matchAll(/^ {4}([A-Z]+) = [1-9]/gm),
].map(([, flag]) => flag.toLowerCase());
/** Every source that samples come from. */
const readFrom = [
  .../class Source[\s\S]*?\nclass /.exec(readFileSync(MODEL, "utf8"))[0].matchAll(/ = "([a-z]+)"$/gm),
].map(([, source]) => source);
const kinds = ["offline", "missing", "server", "broken", "format"];
const states = ["fresh", "silent", "waiting", "stale", "unknown"];
const views = ["overview", "machine", "compare", "daily", "calendar", "files", "about"];
const spans = ["1h", "6h", "24h", "7d", "30d", "1y"];
const columns = ["name", "state", "watts", "age", "day", "peak", "energy", "coverage"];
const compared = ["machine", "span", "energy", "mean", "peak", "minimum", "p95", "cost", "co2", "coverage"];

/** What stands in for the variable parts of keys, as they are written in the sources. @type {Record<string, string[]>} */
const FAMILIES = {
  // biome-ignore-start lint/suspicious/noTemplateCurlyInString: as the sources have them
  "figures.${name}": ["mean", "p95", "peak", "minimum", "energy", "cost", "co2", "base", "coverage"],
  "units.${unit}": ["days", "hours", "minutes", "seconds"],
  "states.${state}": states,
  "reasons.${reason}": reasons,
  "sources.${source}": readFrom,
  "doubts.${flag}": flags,
  "notices.trouble_${kind}": kinds,
  "notices.trouble_${kind}_text": kinds,
  "notices.file_${kind}": kinds,
  "notices.file_${kind}_text": kinds,
  "notices.storage_${state}": ["refused", "stalled"],
  "chart.strip_${part}": ["begin", "window", "end"],
  "chart.tool_${tool}": ["zoom", "select", "pan"],
  "trust.flag_${flag}": flags,
  "trust.flag_${flag}_text": flags,
  "machine.${name}": ["link_day", "link_compare", "link_files"],
  "machine.last_${preset}": ["15m", ...spans],
  'machine.downloaded_${level.replace("-", "_")}': ["samples", "five_minutes", "hours"],
  "overview.column_${name}": columns,
  "overview.no_${section.kind}": ["group", "rack"],
  "overview.no_${this.kind}": ["group", "rack"],
  "overview.others_${this.kind}": ["group", "rack"],
  "overview.${name}": ["today", "cost", "co2", "highest"],
  "overview.trust_${state}": ["silent", "stale", "doubtful", "incomplete"],
  "overview.trust_${state}_text": ["silent", "stale", "doubtful", "incomplete"],
  "about.${day}": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
  "compare.column_${name}": compared,
  // biome-ignore-end lint/suspicious/noTemplateCurlyInString: as the sources have them
  "states.{{ state }}": states,
  "overview.state_{{ state }}": ["doubtful", "incomplete"],
  "overview.by_{{ by }}": ["group", "rack", "none"],
  "{{ page_name }}.title": [],
  't("frame", name)': views,
  't("about", name)': ["as_good", "hole", "simulated"],
  't("about", words)': [
    "operator",
    "contact",
    "location",
    "keys_step",
    "keys_leap",
    "keys_ends",
    "keys_select",
    "keys_back",
  ],
  't("overview", "show_" ~ show)': ["rows", "tiles"],
  't("machine", "span_" ~ value)': ["15m", ...spans],
  't("compare", "span_" ~ value)': spans,
};

const sections = Object.keys(languages.en).join("|");

/** The keys that a source names, and the families of keys. */
function asked(/** @type {{ path: string, text: string }} */ { path, text }) {
  const found = [...text.matchAll(new RegExp(`["'](${sections})\\.(?!(?:html|json)\\b)([a-z0-9_]+)["']`, "g"))].map(
    ([, section, name]) => `${section}.${name}`,
  );
  const families = [...text.matchAll(new RegExp(`\`((?:${sections})\\.[^\`]*\\$\\{[^\`]*)\``, "g"))].map(
    ([, each]) => each,
  );
  if (path.endsWith(".j2")) {
    for (const [, section, name] of text.matchAll(/\b(?:t|label)\("([a-z0-9_]+)", "([a-z0-9_]+)"\)/g))
      found.push(`${section}.${name}`);
    for (const [, section, name] of text.matchAll(/\bwords\.([a-z0-9_]+)\.([a-z0-9_]+) \|/g))
      found.push(`${section}.${name}`);
    families.push(...[...text.matchAll(/\bt\("[a-z]+", (?:"[a-z_]+" ~ )?[a-z]+\)/g)].map(([each]) => each));
    families.push(...[...text.matchAll(/data-t[a-z-]*="((?!\{\{ section)[^"]*\{\{[^"]*)"/g)].map(([, each]) => each));
  }
  return { found, families };
}

/** The keys of a family. */
function keysOf(/** @type {string} */ family) {
  const values = FAMILIES[family];
  const [, section, prefix = ""] = /^t\("(\w+)", (?:"(\w+)" ~ )?\w+\)$/.exec(family) ?? [];
  if (section) return values.map((value) => `${section}.${prefix}${value}`);
  if (family === "{{ page_name }}.title") return views.map((view) => `${view}.title`);
  return values.map((value) => family.replace(/\$\{.*\}|\{\{ \w+ \}\}/, () => value));
}

const all = sources.map(asked);
const used = new Set(all.flatMap(({ found }) => found));
for (const family of new Set(all.flatMap(({ families }) => families)))
  if (FAMILIES[family]) for (const key of keysOf(family)) used.add(key);

test("every key that scripts and templates ask for is there", () => {
  assert.ok(used.size > 300);
  assert.deepEqual(
    [...used].filter((key) => !keys.includes(key)),
    [],
  );
});

test("keys with a variable part are all known to this test, with what stands for it", () => {
  const families = new Set(all.flatMap(({ families }) => families));
  assert.deepEqual(
    [...families].filter((family) => !FAMILIES[family]),
    [],
  );
  assert.deepEqual(
    Object.keys(FAMILIES).filter((family) => !families.has(family)),
    [],
  );
});

test("no text is there that nothing asks for", () => {
  assert.deepEqual(
    keys.filter((key) => !used.has(key)),
    [],
  );
});

const entries = (/** @type {typeof languages.en} */ texts) =>
  Object.entries(texts).flatMap(([section, all]) =>
    Object.entries(all).map(([name, text]) => /** @type {const} */ ([`${section}.${name}`, text])),
  );
const formsOf = (/** @type {string | Record<string, string>} */ text) =>
  typeof text === "string" ? { other: text } : text;
const placesIn = (/** @type {string} */ text) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

for (const [code, texts] of Object.entries(languages)) {
  test(`${code} has the sections and keys of English, in the same order`, () => {
    assert.deepEqual(
      entries(texts).map(([key]) => key),
      keys,
    );
  });

  test(`${code} has words for as many as English, in the forms that its grammar has`, () => {
    const english = new Map(entries(languages.en));
    const grammar = new Intl.PluralRules(code).resolvedOptions().pluralCategories;
    for (const [key, text] of entries(texts)) {
      assert.equal(typeof text, typeof english.get(key), key);
      if (typeof text === "string") continue;
      assert.ok("one" in text && "other" in text, key);
      for (const form of Object.keys(text)) assert.ok(grammar.includes(form), `${key}: ${form}`);
    }
  });

  test(`${code} says the same values as English does, and no text is empty`, () => {
    const english = new Map(entries(languages.en));
    for (const [key, text] of entries(texts)) {
      const wanted = placesIn(formsOf(english.get(key) ?? "").other);
      for (const [form, each] of Object.entries(formsOf(text))) {
        assert.ok(each.trim() === each && each !== "", key);
        // Of one, the number may go without saying.
        const besides = form === "one" ? ["n"] : [];
        assert.deepEqual(
          new Set([...placesIn(each), ...besides]),
          new Set([...wanted, ...besides]),
          `${key} (${form})`,
        );
      }
    }
  });
}

/** Calls of `t` with a whole key: the names of the values that are given. */
function calls(/** @type {string} */ text) {
  return [...text.matchAll(/\bt\(\s*"([a-z0-9_]+\.[a-z0-9_]+)"\s*(,\s*\{|,?\s*\))/g)].map((call) => {
    if (!call[2].includes("{")) return { key: call[1], given: [] };
    // To the brace that closes, without what stands in further ones.
    let depth = 1;
    let plain = "";
    for (let i = call.index + call[0].length; depth > 0; i++) {
      if ("{[(".includes(text[i])) depth++;
      else if ("}])".includes(text[i])) depth--;
      else if (depth === 1) plain += text[i];
    }
    const given = plain
      .replace(/`[^`]*`|"[^"]*"/g, "")
      .split(",")
      .map((each) => each.split(":")[0].trim());
    return { key: call[1], given: given.filter(Boolean) };
  });
}

test("what a text has places for is given where it is asked for", () => {
  const english = new Map(entries(languages.en));
  let seen = 0;
  for (const { path, text } of sources) {
    for (const { key, given } of calls(text)) {
      const found = english.get(key);
      if (found === undefined || path.endsWith(".j2")) continue;
      seen++;
      const wanted = [...(typeof found === "string" ? [] : ["n"]), ...placesIn(formsOf(found).other)];
      for (const place of wanted) assert.ok(given.includes(place), `${path}: ${key} lacks ${place}, has ${given}`);
      for (const value of given) assert.ok(wanted.includes(value), `${path}: ${key} has no place for ${value}`);
    }
  }
  assert.ok(seen > 150);
});
