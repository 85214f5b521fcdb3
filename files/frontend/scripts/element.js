/** Making elements: text stays text, so nothing that a file says can become markup. */

/**
 * @param {string} tag
 * @param {Record<string, string | boolean | EventListener | null | undefined>} [attributes] `onclick` and the like take
 *   functions; false and null leave an attribute out
 * @param {...(Node | string | null | undefined | false)} children
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** The element of the page that a script counts on. @param {string} id */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

/** Say something; what says it already is left alone, as a new text is laid out anew. @param {Element} place @param {string} text */
export function setText(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

/** Put children in place of what is there. @param {Element} parent @param {...(Node | string | null)} children */
export function fill(parent, ...children) {
  parent.replaceChildren(...children.filter((child) => child !== null));
}
