/** What of the view is in the page's address, so that sending it shows the same thing. */

import { iso, parseMoment } from "./time.js";

/** A query parameter, or null. @param {string} name */
export function parameter(name) {
  return new URLSearchParams(location.search).get(name);
}

/** The selected span in the address, or null. @returns {[number, number] | null} */
export function spanInAddress() {
  const from = parseMoment(parameter("from"));
  const to = parseMoment(parameter("to"));
  return from !== null && to !== null && from < to ? [from, to] : null;
}

/** Whose clock and language an address asks for, its links ask for too. */
const KEPT = ["zone", "lang"];

/** A relative address. @param {string} page @param {Record<string, string | null>} parameters null leaves one out */
export function link(page, parameters) {
  const query = new URLSearchParams();
  const kept = Object.fromEntries(KEPT.map((name) => [name, parameter(name)]));
  const all = { ...parameters, ...kept, ...parameters };
  for (const [name, value] of Object.entries(all)) if (value !== null) query.set(name, value);
  return withQuery(page, query);
}

/** An address as people read it. @param {string} page @param {URLSearchParams} query */
export function withQuery(page, query) {
  // A slash is allowed in a query, and "lab/node01" reads better than "lab%2Fnode01".
  const text = query.toString().replaceAll("%2F", "/").replaceAll("%3A", ":").replaceAll("%40", "@");
  return text ? `${page}?${text}` : page;
}

/** The parameters of a selected span. @param {[number, number] | null} span */
export function spanParameters(span) {
  return { from: span ? iso(span[0]) : null, to: span ? iso(span[1]) : null };
}

/** Change the address without loading. @param {Record<string, string | null>} parameters @param {boolean} asStep */
export function setAddress(parameters, asStep) {
  const address = link(location.pathname, parameters);
  if (asStep) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
}
