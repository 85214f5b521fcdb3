/** The page's language: texts from a file, and the locale of numbers and dates. */

import { byId } from "./element.js";
import { recall } from "./remembering.js";

/** @typedef {string | Record<string, string>} Text one text, or one for each plural category of `count` */

const current = {
  code: "en",
  locale: "en",
  /** @type {Record<string, Record<string, Text>>} by section and name */
  texts: {},
  plural: new Intl.PluralRules("en"),
  numbers: new Intl.NumberFormat("en"),
};

/** The locale of numbers: the visitor's own where it is of the page's language. */
export function locale() {
  return current.locale;
}

/** The locale of dates; English without a country writes them as most of the world does. */
export function dateLocale() {
  return current.locale === "en" ? "en-GB" : current.locale;
}

/** The code of the page's language. */
export function languageCode() {
  return current.code;
}

/**
 * A text of the page, with `{name}` replaced; numbers are written as the locale does. Which of several plural forms it
 * is, the number `n` says. A key that the language lacks is shown as it is; a test finds those.
 * @param {string} key `section.name` @param {Record<string, string | number>} [values]
 */
export function t(key, values = {}) {
  const [section, name] = key.split(".");
  const found = current.texts[section]?.[name];
  if (found === undefined) return key;
  const text = typeof found === "string" ? found : (found[current.plural.select(Number(values.n))] ?? found.other);
  return text.replace(/\{(\w+)\}/g, (whole, each) => {
    const value = values[each];
    return typeof value === "number" ? current.numbers.format(value) : (value ?? whole);
  });
}

/** Whether the language has a text. @param {string} key */
export function has(key) {
  const [section, name] = key.split(".");
  return current.texts[section]?.[name] !== undefined;
}

/**
 * Take texts and locale; `useLanguage` does it for a visitor.
 * @param {string} code @param {Record<string, Record<string, Text>>} texts @param {string} [own] the visitor's locale
 */
export function setLanguage(code, texts, own = code) {
  current.code = code;
  current.locale = own;
  current.texts = texts;
  current.plural = new Intl.PluralRules(code);
  current.numbers = new Intl.NumberFormat(own);
}

/**
 * The language that fits a visitor best.
 * @param {string[]} known codes of the languages there are @param {(string | null)[]} wanted best first
 */
export function chosenLanguage(known, wanted) {
  for (const each of wanted) {
    if (!each) continue;
    const whole = known.find((code) => code.toLowerCase() === each.toLowerCase());
    const part = known.find((code) => code.split("-")[0] === each.toLowerCase().split("-")[0]);
    if (whole ?? part) return /** @type {string} */ (whole ?? part);
  }
  return known[0];
}

/**
 * Load the visitor's language and put the page's fixed texts into it; the words of the language that the page was
 * rendered in stand in the page, for its visitors and for all whose own language cannot be had.
 * @param {string[]} known @param {Promise<void>} whole when the whole page is there
 */
export async function useLanguage(known, whole) {
  const rendered = document.documentElement.lang;
  const wanted = [
    new URLSearchParams(location.search).get("lang"),
    recall("language"),
    ...navigator.languages,
    rendered,
  ];
  const chosen = chosenLanguage(known, wanted);
  const { code, texts } = await textsOf(chosen, rendered);
  const own = navigator.languages.find((each) => each.split("-")[0] === code.split("-")[0]) ?? code;
  setLanguage(code, texts, code.includes("-") ? code : own);
  await whole;
  if (rendered === code) return;
  document.documentElement.lang = code;
  for (const place of document.querySelectorAll("[data-t]")) {
    place.textContent = t(/** @type {HTMLElement} */ (place).dataset.t ?? "");
  }
  for (const place of document.querySelectorAll("[data-t-label]")) {
    place.setAttribute("aria-label", t(/** @type {HTMLElement} */ (place).dataset.tLabel ?? ""));
  }
  const site = document.title.split(" · ").slice(1).join(" · ");
  const title = document.querySelector("title")?.dataset.tTitle;
  if (title) document.title = `${t(title)} · ${site}`;
}

/**
 * The texts of a language; where its file cannot be had, those that stand in the page itself.
 * @param {string} code @param {string} rendered
 * @returns {Promise<{ code: string, texts: Record<string, Record<string, Text>> }>}
 */
async function textsOf(code, rendered) {
  const texts = code === rendered ? null : await asked(`languages/${code}.json`);
  return texts ? { code, texts } : { code: rendered, texts: JSON.parse(byId("words").textContent ?? "") };
}

/** The texts in a file, or null. @param {string} url @returns {Promise<Record<string, Record<string, Text>> | null>} */
async function asked(url) {
  try {
    const answer = await fetch(url, { cache: "no-cache", credentials: "same-origin" });
    const texts = await answer.json();
    return answer.ok && typeof texts?.frame === "object" ? texts : null;
  } catch {
    return null;
  }
}
