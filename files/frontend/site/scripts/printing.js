/** The line on paper above a view, and figures in the colours of paper. */

import { t } from "./language.js";
import { serverNow } from "./published/fetching.js";
import { moment } from "./words.js";

/**
 * Say on paper what the view is of, and when it was printed.
 * @param {HTMLElement} root of the class `on-paper`
 * @param {() => { parts: (string | null)[], zone: string }} what site, machine, time: what there is; and the zone of the moment
 */
export function saysOnPaper(root, what) {
  addEventListener("beforeprint", () => {
    const { parts, zone } = what();
    const printed = t("reports.printed", { when: moment(serverNow(), zone) });
    root.textContent = [...parts.filter(Boolean), printed].join(" · ");
  });
}
