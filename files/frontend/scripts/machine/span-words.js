/** Spans of time in words. */

import * as format from "../format.js";
import { t } from "../language.js";
import { clock, date } from "../time.js";

/** `Tue 24 Nov 2026, 11:30:00 – 11:40:00 (10 min)`. @param {[number, number]} span @param {string} zone */
export function spanWords([from, to], zone) {
  const [first, last] = [date(from, zone), date(to, zone)];
  const end = first === last ? clock(to, zone) : `${last}, ${clock(to, zone)}`;
  return t("machine.from_to", {
    from: `${first}, ${clock(from, zone)}`,
    to: end,
    duration: format.duration(to - from),
  });
}
