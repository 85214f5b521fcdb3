/** Raw files: every published file of a machine, its days as calendars. */

import { link, parameter, setAddress } from "../address.js";
import { byId, element, fill } from "../element.js";
import { begin } from "../frame.js";
import { t } from "../language.js";
import { showNotices } from "../notices.js";
import { serverNow } from "../published/fetching.js";
import { Fleet, fileOf, folderOf, hasDay } from "../published/fleet.js";
import { addDays, longDay, monthName, nextMonth, nextYear, weekdayNames } from "../time.js";
import { fleetNotices, unknownMachineNotice } from "../words.js";

/** @typedef {import("../published/fleet.js").Machine} Machine */

await begin(async (site) => {
  const fleet = new Fleet(site);
  await fleet.refresh({ index: true });
  const wanted = parameter("machine");
  const machine = wanted === null ? fleet.machines[0] : fleet.find(wanted);
  const general = fleetNotices(fleet, site.zone, serverNow());
  const isUnknown = fleet.machines.length > 0 && !machine;
  showNotices(byId("notices"), [...general, isUnknown ? unknownMachineNotice(wanted) : null]);
  fill(
    byId("collectors"),
    ...site.collectors.flatMap((name) =>
      ["index.json", "now.json", "overview.json"].map((file) => {
        const path = `${folderOf(name)}/${file}`;
        return element("li", {}, element("a", { href: path }, path));
      }),
    ),
  );
  const chooser = /** @type {HTMLSelectElement} */ (byId("machine"));
  fill(chooser, ...fleet.machines.map((each) => element("option", { value: fleet.address(each) }, each.title)));
  chooser.value = machine ? fleet.address(machine) : "";
  chooser.disabled = fleet.machines.length === 0;
  chooser.addEventListener("change", () => {
    setAddress({ machine: chooser.value }, false);
    const found = fleet.find(chooser.value);
    if (!found) return;
    showNotices(byId("notices"), general);
    showFiles(fleet, found);
  });
  if (machine) showFiles(fleet, machine);
});

function showFiles(/** @type {Fleet} */ fleet, /** @type {Machine} */ machine) {
  byId("machine-tag").hidden = !machine.simulated;
  byId("of-machine").hidden = false;
  fill(
    byId("rows"),
    row(machine, t("files.tail"), ["last"]),
    row(machine, t("files.of_days"), machine.months.length > 0 ? ["days"] : []),
    row(machine, t("files.of_hours"), each(machine.years, nextYear)),
    row(machine, t("files.of_five_minutes"), each(machine.months, nextMonth)),
  );
  const months = [...new Set(each(machine.days, (day) => addDays(day, 1)).map((day) => day.slice(0, 7)))].reverse();
  fill(
    byId("months"),
    ...(months.length === 0
      ? [element("p", {}, t("files.no_day"))]
      : months.map((month) => monthOf(fleet, machine, month))),
  );
}

/** @param {Machine} machine @param {string} words @param {string[]} names */
function row(machine, words, names) {
  if (names.length === 0) return null;
  const links = names.map((name) =>
    element("a", { href: fileOf(machine, `${name}.csv`), download: `${machine.name}-${name}.csv` }, `${name}.csv`),
  );
  return element("li", {}, `${words} `, element("span", { class: "links" }, ...links));
}

/** @param {[string, string][]} ranges @param {(one: string) => string} next */
function each(ranges, next) {
  const found = [];
  for (const [first, last] of ranges) for (let one = first; one <= last; one = next(one)) found.push(one);
  return found;
}

function monthOf(/** @type {Fleet} */ fleet, /** @type {Machine} */ machine, /** @type {string} */ month) {
  const first = `${month}-01`;
  const lead = (new Date(`${first}T00:00:00Z`).getUTCDay() + 6) % 7;
  const rows = [];
  for (let monday = addDays(first, -lead); monday.slice(0, 7) <= month; monday = addDays(monday, 7)) {
    const week = Array.from({ length: 7 }, (_, i) => addDays(monday, i));
    rows.push(element("tr", {}, ...week.map((day) => cell(fleet, machine, month, day))));
  }
  return element(
    "table",
    { class: "month" },
    element("caption", {}, monthName(month)),
    element("thead", {}, element("tr", {}, ...weekdayNames().map((name) => element("th", { scope: "col" }, name)))),
    element("tbody", {}, ...rows),
  );
}

function cell(
  /** @type {Fleet} */ fleet,
  /** @type {Machine} */ machine,
  /** @type {string} */ month,
  /** @type {string} */ day,
) {
  if (!day.startsWith(month)) return element("td");
  const number = String(Number(day.slice(8)));
  if (!hasDay(machine, day)) return element("td", { class: "absent" }, number);
  const report = link("daily.html", { machine: fleet.address(machine), date: day });
  return element(
    "td",
    {},
    element("a", { href: report, class: "day", "aria-label": t("files.report_of", { day: longDay(day) }) }, number),
    element(
      "a",
      {
        href: fileOf(machine, `${day}.csv`),
        download: `${machine.name}-${day}.csv`,
        "aria-label": t("files.csv_of", { day: longDay(day) }),
      },
      "csv",
    ),
  );
}
