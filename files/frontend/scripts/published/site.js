/** What the site's owner set when the page was installed; it stands in the page itself, which saves a question. */

import { isZone } from "../time.js";

/**
 * @typedef {{ collectors: string[], refreshMs: number, zone: string, currency: string, languages: string[] }} Site
 */

/** @returns {Site} */
export function siteOfPage() {
  const found = JSON.parse(document.getElementById("site")?.textContent ?? "{}");
  const refresh = Number(found.refresh_s);
  return {
    collectors: Array.isArray(found.collectors) ? found.collectors.map(String) : [],
    refreshMs: (refresh >= 1 ? refresh : 5) * 1000,
    zone: isZone(found.zone) ? found.zone : "UTC",
    currency: /^[A-Z]{3}$/.test(found.currency) ? found.currency : "EUR",
    languages: Array.isArray(found.languages) ? found.languages.map(String) : ["en"],
  };
}
