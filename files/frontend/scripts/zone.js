/** Whose clock the page shows: the site's zone, the visitor's, or UTC. */

import { parameter } from "./address.js";
import { recall } from "./remembering.js";
import { isZone } from "./time.js";

export const ZONE_CHOICES = /** @type {const} */ (["site", "visitor", "utc"]);

/** @typedef {typeof ZONE_CHOICES[number]} ZoneChoice */

/** The choice in the address, else the one remembered, else the site's. @returns {ZoneChoice} */
export function zoneChoice() {
  for (const each of [parameter("zone"), recall("zone")]) {
    const found = ZONE_CHOICES.find((choice) => choice === each);
    if (found) return found;
  }
  return "site";
}

/** The zone to show a machine's times in. @param {string} siteZone that of the machine's collector */
export function shownZone(siteZone) {
  const choice = zoneChoice();
  if (choice === "utc") return "UTC";
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return choice === "visitor" && isZone(own) ? own : siteZone;
}
