/** Asking the web server for files, with one kind of error for all that can go wrong. */

import { t } from "../language.js";

/** The server's clock at the last answer; a visitor's own clock may be wrong. */
const serverClock = { at: Date.now(), heardAt: performance.now() };

/** Now, by the server's clock as last heard, in UTC ms. */
export function serverNow() {
  return serverClock.at + performance.now() - serverClock.heardAt;
}

/**
 * A file that could not be had. `kind`: `offline` (no answer), `missing` (404), `server` (another status), `broken`
 * (not what it should be), `format` (of a format that this page does not know).
 */
export class FileError extends Error {
  /**
   * @param {"offline" | "missing" | "server" | "broken" | "format"} kind @param {string} url
   * @param {string} why a text of the page @param {Record<string, string>} [values] for the text
   */
  constructor(kind, url, why, values = {}) {
    super(`${url}: ${kind}`);
    this.kind = kind;
    this.url = url;
    this.why = why;
    this.values = values;
  }

  /** Half a sentence for people. Only now: files are asked for before the language is there. */
  get detail() {
    return t(this.why, this.values);
  }
}

/**
 * The answer to a GET, any status among `statuses`; else throws FileError.
 * @param {string} url relative @param {RequestInit} [init] @param {number[]} [statuses]
 */
export async function get(url, init = {}, statuses = [200]) {
  let response;
  try {
    response = await fetch(url, { cache: "no-cache", credentials: "same-origin", redirect: "error", ...init });
  } catch {
    throw new FileError("offline", url, "notices.no_answer");
  }
  hear(response);
  if (statuses.includes(response.status)) return response;
  if (response.status === 404) throw new FileError("missing", url, "notices.no_such_file");
  throw new FileError("server", url, "notices.status", { status: String(response.status) });
}

/** The body as bytes; throws FileError when the connection breaks. @param {Response} response @param {string} url */
export async function body(response, url) {
  try {
    return new Uint8Array(await response.arrayBuffer());
  } catch {
    throw new FileError("offline", url, "notices.connection_broke");
  }
}

/** A JSON object; throws FileError. @param {string} url @param {RequestInit} [init] @returns {Promise<any>} */
export async function getJson(url, init) {
  const bytes = await body(await get(url, init), url);
  let value;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new FileError("broken", url, "notices.not_json");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new FileError("broken", url, "notices.not_an_object");
  }
  return value;
}

/** The error of a file of an unknown format. @param {string} url @param {unknown} format as the file says it */
export function otherFormat(url, format) {
  return new FileError("format", url, "notices.other_format", { format: JSON.stringify(format ?? null).slice(0, 20) });
}

function hear(/** @type {Response} */ response) {
  const at = Date.parse(response.headers.get("Date") ?? "");
  if (Number.isNaN(at)) return;
  // The header has whole seconds, so believe it when it differs by more, and move on smoothly else.
  if (Math.abs(at + 500 - serverNow()) > 1500) {
    serverClock.at = at + 500;
    serverClock.heardAt = performance.now();
  }
}
