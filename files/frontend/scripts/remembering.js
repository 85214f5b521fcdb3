/** What a visitor chose, kept for the next visits; where a browser keeps nothing, the address still says it. */

/** @param {string} name */
export function recall(name) {
  try {
    return localStorage.getItem(`powergraph.${name}`);
  } catch {
    return null;
  }
}

/** @param {string} name @param {string} value */
export function remember(name, value) {
  try {
    localStorage.setItem(`powergraph.${name}`, value);
  } catch {
    // Nothing to be done, and nothing that the visitor would have to know.
  }
}
