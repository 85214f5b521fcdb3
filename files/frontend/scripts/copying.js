/** Text into the clipboard, also where the page has no TLS. */

import { element } from "./element.js";

/** Whether the text is in the clipboard now; without TLS, browsers lock the usual way. @param {string} text */
export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = /** @type {HTMLTextAreaElement} */ (element("textarea", { class: "unseen", readonly: true }));
    field.value = text;
    const focused = /** @type {HTMLElement | null} */ (document.activeElement);
    document.body.append(field);
    field.select();
    const isDone = document.execCommand("copy");
    field.remove();
    focused?.focus();
    return isDone;
  }
}
