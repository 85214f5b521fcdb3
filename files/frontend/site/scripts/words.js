/** What the page says when something is not as it should be: plain words, and what to do. */

import { age, count } from "./format.js";
import { clock, date, zoneLabel } from "./time.js";

/** @typedef {{ level: "info" | "warn" | "bad", title: string, text: string, links?: { text: string, href: string }[] }} Notice */

/** @type {Record<string, string>} */
const REASONS = {
  timeout: "no answer in time",
  unreachable: "the network does not reach it",
  unresolvable: "its host name is not known",
  "login-refused": "it refuses the login",
  "no-session-slot": "it has no free session",
  busy: "it says that it is busy",
  "not-supported": "it cannot measure power",
  "bad-answer": "its answer could not be understood",
  implausible: "its reading was not plausible",
  "not-measuring": "it has stopped measuring",
  "collector-stopped": "the collector was stopped",
  "not-stored": "its readings could not be stored",
};

/** @type {Record<string, string>} */
export const STATES = {
  fresh: "answering",
  silent: "silent",
  waiting: "no answer yet",
  stale: "not up to date",
  unknown: "no news",
};

/** Why there are no readings. @param {string | null} reason */
export function reasonWords(reason) {
  if (!reason) return "for a reason that was not recorded";
  return REASONS[reason] ?? reason;
}

/** @param {import("./published/fleet.js").Trouble} trouble @param {string} zone @param {number} now @returns {Notice} */
export function troubleNotice({ collector, file, error, writtenAt, storage }, zone, now) {
  if (storage) return storageNotice(collector, storage, zone);
  if (error === null) {
    const when = writtenAt ? moment(writtenAt, zone) : "never";
    return {
      level: "warn",
      title: `Collector “${collector}” stands still`,
      text: `It last wrote ${writtenAt ? `${age(now - writtenAt)} ago (${when})` : when}. The figures below are from then. If it has ended or hangs, the watchdog restarts it within ten minutes; if its disk is full, make room. Its log and “powergraph status” say more.`,
    };
  }
  const title = {
    offline: "The server does not answer",
    missing: `Collector “${collector}” has published nothing yet`,
    server: "The server does not hand out the readings",
    broken: `A file of collector “${collector}” cannot be read`,
    format: `Collector “${collector}” writes files that this page does not know`,
  }[error.kind];
  const text = {
    offline: "What you see is the last that was heard. The page goes on trying.",
    missing: `There is no ${file}.json in its folder. A new collector writes it within seconds of its start; the page goes on trying.`,
    server: `For ${error.url} ${error.detail}. The page goes on trying.`,
    broken: `${error.url}: ${error.detail}. What you see is the last that could be read.`,
    format: `${error.url}: ${error.detail}, this page reads format 1. Page and collector are of different versions: deploy both again.`,
  }[error.kind];
  return { level: error.kind === "missing" ? "warn" : "bad", title, text };
}

/** @param {string} collector @param {import("./published/fleet.js").Storage} storage @param {string} zone @returns {Notice} */
function storageNotice(collector, { state, since, detail, unwritten, dropped }, zone) {
  const what = state === "stalled" ? "waits for its disk, which does not answer" : "cannot store its readings";
  const when = since === null ? "" : ` since ${moment(since, zone)}`;
  const lost = dropped > 0 ? ` ${count(dropped)} are lost, since too many waited.` : "";
  return {
    level: "bad",
    title: `Collector “${collector}” ${what}`,
    text: `So it is${when}${state === "refused" && detail ? ` (${detail})` : ""}. It goes on measuring, and ${count(unwritten)} readings wait in its memory; they appear here when they are stored.${lost} Make room on the disk, or mend it.`,
  };
}

/** @param {number} at @param {string} zone */
function moment(at, zone) {
  return `${date(at, zone)}, ${clock(at, zone)} ${zoneLabel(zone, at)}`;
}

/** What is to be said of a day's file that could not be had. @param {import("./published/fetching.js").FileError} error @returns {Notice} */
export function fileNotice(error) {
  const title = {
    offline: "The server does not answer",
    missing: "The file of this day is gone",
    server: "The server does not hand out this day's file",
    broken: "This day's file cannot be read",
    format: "This day's file is of a format that this page does not know",
  }[error.kind];
  const text = {
    offline: "Nothing is shown rather than something old. Try again with “Update”.",
    missing: `The index lists the day, but ${error.url} is not there. Old days may have been removed from the web server; the collector can write them again from its store.`,
    server: `For ${error.url} ${error.detail}.`,
    broken: `${error.url}: ${error.detail}.`,
    format: `${error.url}: ${error.detail}.`,
  }[error.kind];
  return { level: "bad", title, text };
}

/**
 * Of rows that could not be read, or null when all could.
 * @param {{ bad: number, firstBad: { line: number, text: string } | null, at: number[] }} reader @returns {Notice | null}
 */
export function badRowsNotice({ bad, firstBad, at }) {
  if (bad === 0 || firstBad === null) return null;
  const first = `the first is line ${count(firstBad.line)}: “${firstBad.text}”`;
  if (at.length === 0) {
    return {
      level: "bad",
      title: "No row of this file can be read",
      text: `It has ${count(bad)} rows, but none is a time and a number of watts (${first}).`,
    };
  }
  return {
    level: "warn",
    title: `${count(bad)} of ${count(bad + at.length)} rows could not be read`,
    text: `They are left out (${first}). The other ${count(at.length)} are shown and counted.`,
  };
}

/** @param {boolean} several whether several collectors were asked @returns {Notice} */
export function noMachinesNotice(several) {
  return {
    level: "info",
    title: "No machine is measured yet",
    text: `${several ? "The collectors are" : "The collector is"} running, but no BMC is in the settings. Add one to the inventory and deploy again; it appears here by itself.`,
  };
}
