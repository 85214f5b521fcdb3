/** Raw files: every published file of a machine, its days as a calendar. */

import { link, parameter, setAddress } from "../address.js";
import { byId, element, fill } from "../element.js";
import { showNotices } from "../notices.js";
import { FileError, serverNow } from "../published/fetching.js";
import { Fleet, fileOf, folderOf, hasDay } from "../published/fleet.js";
import { loadSite } from "../published/site.js";
import { addDays, monthName } from "../time.js";
import { noMachinesNotice, troubleNotice } from "../words.js";

/** @typedef {import("../published/fleet.js").Machine} Machine */

const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const site = await loadSite().catch((error) => {
  if (!(error instanceof FileError)) throw error;
  showNotices(byId("notices"), [
    { level: "bad", title: "The page's own settings cannot be read", text: `${error.message}. Load the page again.` },
  ]);
  return null;
});
if (site) await show(site);

async function show(/** @type {import("../published/site.js").Site} */ site) {
  const fleet = new Fleet(site);
  await fleet.refresh({ index: true });
  const wanted = parameter("machine");
  const machine = wanted === null ? fleet.machines[0] : fleet.find(wanted);
  showNotices(byId("notices"), [
    ...fleet.troubles.map((trouble) => troubleNotice(trouble, site.zone, serverNow())),
    fleet.known && fleet.machines.length === 0 ? noMachinesNotice(site.collectors.length > 1) : null,
    fleet.machines.length > 0 && !machine
      ? { level: "bad", title: `No machine is called “${wanted}” here`, text: "Choose one below." }
      : null,
  ]);
  fill(
    byId("collectors"),
    ...site.collectors.flatMap((name) =>
      ["index.json", "now.json"].map((file) => {
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
    if (found) showDays(fleet, found);
  });
  if (machine) showDays(fleet, machine);
}

function showDays(/** @type {Fleet} */ fleet, /** @type {Machine} */ machine) {
  byId("machine-tag").hidden = !machine.simulated;
  const last = fileOf(machine, "last.csv");
  fill(byId("last"), element("a", { href: last }, last), " holds the last readings.");
  const months = [...new Set(daysOf(machine).map((day) => day.slice(0, 7)))].reverse();
  fill(
    byId("months"),
    ...(months.length === 0
      ? [element("p", {}, "No day has readings yet.")]
      : months.map((month) => monthOf(fleet, machine, month))),
  );
}

function daysOf(/** @type {Machine} */ { days }) {
  const found = [];
  for (const [first, last] of days) for (let day = first; day <= last; day = addDays(day, 1)) found.push(day);
  return found;
}

function monthOf(/** @type {Fleet} */ fleet, /** @type {Machine} */ machine, /** @type {string} */ month) {
  const first = `${month}-01`;
  const lead = (new Date(`${first}T00:00:00Z`).getUTCDay() + 6) % 7;
  const rows = [];
  for (let monday = addDays(first, -lead); monday.slice(0, 7) <= month; monday = addDays(monday, 7)) {
    const week = WEEKDAYS.map((_, i) => addDays(monday, i));
    rows.push(element("tr", {}, ...week.map((day) => cell(fleet, machine, month, day))));
  }
  return element(
    "table",
    { class: "month" },
    element("caption", {}, monthName(month)),
    element("thead", {}, element("tr", {}, ...WEEKDAYS.map((name) => element("th", { scope: "col" }, name)))),
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
  const name = `${number} ${monthName(month)}`;
  const csv = fileOf(machine, `${day}.csv`);
  const report = link("daily.html", { machine: fleet.address(machine), date: day });
  return element(
    "td",
    {},
    element("a", { href: report, class: "day", "aria-label": `${name}: daily report` }, number),
    element("a", { href: csv, download: `${machine.name}-${day}.csv`, "aria-label": `csv of ${name}` }, "csv"),
  );
}
