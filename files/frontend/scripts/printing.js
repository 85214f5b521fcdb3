/** The line on paper above a view, and figures in the colours of paper. */

import { t } from "./language.js";
import { serverNow } from "./published/fetching.js";
import { clock, date } from "./time.js";

/**
 * Say on paper what the view is of, and when it was printed.
 * @param {HTMLElement} root of the class `on-paper`
 * @param {() => { parts: (string | null)[], zone: string }} what site, machine, time: what there is; and the zone of the moment
 */
export function saysOnPaper(root, what) {
  addEventListener("beforeprint", () => {
    const { parts, zone } = what();
    const now = serverNow();
    const printed = t("reports.printed", { when: `${date(now, zone)}, ${clock(now, zone, false)}` });
    root.textContent = [...parts.filter(Boolean), printed].join(" · ");
  });
}

/** A picture as wide as this in pixels has letters of a readable size on 180 mm. */
const ON_PAPER = { width: 900, height: 270 };

/**
 * Draw a chart for paper while the page is printed: in the colours of the day, its letters large enough.
 * @param {import("./chart/chart.js").PowerChart} chart
 */
export function drawsForPaper(chart, size = ON_PAPER) {
  const root = document.documentElement;
  /** @type {{ width: number, height: number } | null} */
  let before = null;
  addEventListener("beforeprint", () => {
    root.dataset.paper = "";
    before ??= { width: chart.u.width, height: chart.u.height };
    chart.u.setSize(size);
    chart.onScheme();
  });
  addEventListener("afterprint", () => {
    delete root.dataset.paper;
    if (before) chart.u.setSize(before);
    before = null;
    chart.onScheme();
  });
}
