/** About: what the page is and how it counts, with the prices that the collectors publish. */

import { byId, element, fill } from "../element.js";
import * as format from "../format.js";
import { begin } from "../frame.js";
import { t } from "../language.js";
import { showNotices } from "../notices.js";
import { serverNow } from "../published/fetching.js";
import { Fleet } from "../published/fleet.js";
import { troubleNotice } from "../words.js";

/** @param {import("../tariff.js").Tariff} tariff @param {string} ofSite */
function ratesOf({ rates, perKwh, currency }, ofSite) {
  const price = (/** @type {number} */ each) => format.rate(each, currency ?? ofSite);
  return [
    ...rates.map(({ name, days, from, to, perKwh: each }) =>
      t("about.rate", {
        name,
        days: days.length === 7 ? "" : dayNames(days),
        from: time(from),
        to: time(to),
        price: price(each),
      }),
    ),
    rates.length > 0 ? t("about.else", { price: price(perKwh) }) : price(perKwh),
  ];
}

const dayNames = (/** @type {string[]} */ days) => days.map((day) => t(`about.${day}`)).join(", ");

const time = (/** @type {number} */ minutes) =>
  `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;

function fact(/** @type {string} */ name, /** @type {string[]} */ ...lines) {
  return element(
    "div",
    {},
    element("dt", {}, name),
    element("dd", {}, ...lines.map((line) => element("span", { class: "line" }, line))),
  );
}

await begin(async (site) => {
  const fleet = new Fleet(site);
  await fleet.refresh({ index: true });
  // Only prices are read here: how a collector fares, other views tell.
  const unread = fleet.troubles.filter(({ file, error }) => error !== null && file === "index");
  showNotices(
    byId("notices"),
    unread.map((trouble) => troubleNotice(trouble, site.zone, serverNow(), false)),
  );
  const collectors = new Map(fleet.machines.map((machine) => [machine.collector, machine]));
  fill(
    byId("prices"),
    element(
      "dl",
      { class: "facts" },
      ...[...collectors].flatMap(([name, { tariff, co2PerKwh }]) => [
        tariff && fact(t("about.tariff", { collector: name }), ...ratesOf(tariff, site.currency)),
        co2PerKwh === null
          ? null
          : fact(t("about.co2", { collector: name }), t("about.co2_value", { grams: co2PerKwh })),
      ]),
    ),
  );
});
