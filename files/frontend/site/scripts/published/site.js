/** What the site's owner set when the page was installed: `site.json`. */

import { isZone } from "../time.js";
import { getJson } from "./fetching.js";

/**
 * @typedef {{ collectors: string[], refreshMs: number, zone: string, currency: string, tariffPerKwh: number | null }} Site
 */

/** @returns {Promise<Site>} throws FileError */
export async function loadSite() {
  const found = await getJson("site.json");
  const refresh = Number(found.refresh_s);
  const tariff = found.tariff_per_kwh;
  return {
    collectors: Array.isArray(found.collectors) ? found.collectors.map(String) : [],
    refreshMs: (refresh >= 1 ? refresh : 5) * 1000,
    zone: isZone(found.zone) ? found.zone : "UTC",
    currency: /^[A-Z]{3}$/.test(found.currency) ? found.currency : "EUR",
    // Ansible hands numbers on as text where a template made them; 0 stands for "not set".
    tariffPerKwh: Number(tariff) > 0 ? Number(tariff) : null,
  };
}
