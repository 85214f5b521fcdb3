/** What the page says when something is not as it should be: plain words, and what to do. */

import { age, count } from "./format.js";
import { has, t } from "./language.js";
import { clock, date, zoneLabel } from "./time.js";

/** @typedef {{ level: "info" | "warn" | "bad", title: string, text: string, links?: { text: string, href: string }[] }} Notice */

/** A machine's state in a word or two. @param {string} state */
export function stateName(state) {
  return t(`states.${state}`);
}

/** Why there are no readings. @param {string | null} reason */
export function reasonWords(reason) {
  if (!reason) return t("reasons.unknown");
  return has(`reasons.${reason}`) ? t(`reasons.${reason}`) : reason;
}

/** Where readings come from. @param {string} source */
export function sourceWords(source) {
  return has(`sources.${source}`) ? t(`sources.${source}`) : source;
}

/** What speaks against a reading that counts all the same. @param {string} flag */
export function doubtWords(flag) {
  const key = `doubts.${flag}`;
  return has(key) ? t(key) : t("doubts.other", { flag });
}

/**
 * What is wrong with a collector.
 * @param {import("./published/fleet.js").Trouble} trouble @param {string} zone @param {number} now
 * @param {boolean} isLive whether the view goes on asking by itself @returns {Notice}
 */
export function troubleNotice({ collector, file, error, writtenAt, storage }, zone, now, isLive) {
  if (storage) return storageNotice(collector, storage, zone);
  if (error === null) {
    const text = writtenAt
      ? t("notices.stands_still_since", { ago: age(now - writtenAt), when: moment(writtenAt, zone) })
      : t("notices.stands_still_never");
    return {
      level: "warn",
      title: t("notices.stands_still", { collector }),
      text: `${text} ${t("notices.stands_still_do")}`,
    };
  }
  const { kind, url, detail } = error;
  return {
    level: kind === "missing" ? "warn" : "bad",
    title: t(`notices.trouble_${kind}`, { collector }),
    text: [
      t(`notices.trouble_${kind}_text`, { file: `${file}.json`, url, detail }),
      ...(kind === "format" ? [] : [t(isLive ? "notices.trying" : "notices.try_again")]),
    ].join(" "),
  };
}

/** @param {string} collector @param {import("./published/fleet.js").Storage} storage @param {string} zone @returns {Notice} */
function storageNotice(collector, { state, since, detail, unwritten, dropped }, zone) {
  const when = since === null ? "" : ` ${t("notices.storage_since", { when: moment(since, zone) })}`;
  const why = state === "refused" && detail ? ` (${detail})` : "";
  return {
    level: "bad",
    title: t(`notices.storage_${state}`, { collector }),
    text: [
      `${t("notices.storage_so", { when, why })}`,
      t("notices.storage_waits", { n: unwritten }),
      ...(dropped > 0 ? [t("notices.storage_lost", { n: dropped })] : []),
      t("notices.storage_do"),
    ].join(" "),
  };
}

/** `Tue 24 Nov 2026, 14:03:10 UTC`. @param {number} at @param {string} zone */
export function moment(at, zone) {
  return `${date(at, zone)}, ${clock(at, zone)} ${zoneLabel(zone, at)}`;
}

/** What is to be said of a file that could not be had. @param {import("./published/fetching.js").FileError} error @returns {Notice} */
export function fileNotice({ kind, url, detail }) {
  return { level: "bad", title: t(`notices.file_${kind}`), text: t(`notices.file_${kind}_text`, { url, detail }) };
}

/**
 * Of a file's rows that could not be read, or null when all could.
 * @param {import("./published/history.js").Damaged} file @returns {Notice | null}
 */
export function badRowsNotice({ url, bad, firstBad, count: good }) {
  if (bad === 0 || firstBad === null) return null;
  const first = t("notices.first_bad", { line: count(firstBad.line), file: url, text: firstBad.text });
  if (good === 0) {
    return { level: "bad", title: t("notices.no_row"), text: t("notices.no_row_text", { n: bad, first }) };
  }
  return {
    level: "warn",
    title: t("notices.some_rows", { n: bad, all: bad + good }),
    text: t("notices.some_rows_text", { first, good }),
  };
}

/** The address names a machine that is not there. @param {string | null} name @returns {Notice} */
export function unknownMachineNotice(name) {
  return {
    level: "bad",
    title: t("notices.unknown_machine", { name: name ?? "" }),
    text: t("notices.unknown_machine_text"),
  };
}

/**
 * That there is nobody to be measured, or null.
 * @param {import("./published/fleet.js").Fleet} fleet @returns {Notice | null}
 */
export function nobodyNotice({ site: { collectors }, known, machines }) {
  if (collectors.length === 0) {
    return { level: "warn", title: t("notices.no_collector"), text: t("notices.no_collector_text") };
  }
  if (!known || machines.length > 0) return null;
  return {
    level: "info",
    title: t("notices.no_machines"),
    text: t(collectors.length > 1 ? "notices.no_machines_several" : "notices.no_machines_one"),
  };
}

/**
 * What is to be said of all collectors.
 * @param {import("./published/fleet.js").Fleet} fleet @param {string} zone @param {number} now
 * @param {boolean} [isLive] whether the view goes on asking by itself
 */
export function fleetNotices(fleet, zone, now, isLive = false) {
  return [...fleet.troubles.map((trouble) => troubleNotice(trouble, zone, now, isLive)), nobodyNotice(fleet)];
}
