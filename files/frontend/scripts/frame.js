/** What every view begins with: settings, language, zone, and the choices of both in the page's head. */

import { link, withQuery } from "./address.js";
import { byId } from "./element.js";
import { languageCode, useLanguage } from "./language.js";
import { siteOfPage } from "./published/site.js";
import { remember } from "./remembering.js";
import { zoneChoice } from "./zone.js";

/**
 * Run a view; what it needs of the page itself is there then.
 * @template [Asked=undefined]
 * @param {(site: import("./published/site.js").Site, asked: Asked) => Promise<unknown>} show
 * @param {(site: import("./published/site.js").Site) => Asked} [ask] what can be asked for while the language comes
 */
export async function begin(show, ask) {
  const isWhole = whole();
  try {
    const site = siteOfPage();
    const asked = /** @type {Asked} */ (ask?.(site));
    await useLanguage(site.languages, isWhole);
    choices();
    await show(site, asked);
  } catch (error) {
    await isWhole;
    giveUp(/** @type {Error} */ (error));
    throw error;
  }
}

/** Resolves when the page was read to its end and its other scripts have run; a view's own is run as soon as it is there. */
function whole() {
  if (document.readyState === "complete") return Promise.resolve();
  return /** @type {Promise<void>} */ (
    new Promise((done) => {
      document.addEventListener("DOMContentLoaded", () => done());
      addEventListener("load", () => done());
    })
  );
}

/** Say that the page cannot go on, in the words that were rendered with it: those of its language may be what is missing. */
function giveUp(/** @type {Error} */ error) {
  byId("broken-detail").textContent = error.message;
  byId("broken").hidden = false;
  for (const place of document.querySelectorAll("[data-t='notices.reading']")) place.textContent = "";
}

function choices() {
  for (const anchor of document.querySelectorAll("header.site a")) {
    anchor.setAttribute("href", link(anchor.getAttribute("href") ?? "", {}));
  }
  const zone = /** @type {HTMLSelectElement} */ (byId("choose-zone"));
  zone.value = zoneChoice();
  zone.addEventListener("change", () => {
    remember("zone", zone.value);
    // Of all that is in the address, only the zone changes.
    reload({ zone: zone.value === "site" ? null : zone.value });
  });
  const language = /** @type {HTMLSelectElement} */ (byId("choose-language"));
  language.value = languageCode();
  language.addEventListener("change", () => {
    remember("language", language.value);
    reload({ lang: null });
  });
}

function reload(/** @type {Record<string, string | null>} */ changed) {
  // Several of one name, as in the address of Compare, stay several.
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changed)) {
    if (value === null) query.delete(name);
    else query.set(name, value);
  }
  location.assign(withQuery(location.pathname, query));
}
