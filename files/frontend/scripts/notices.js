/** Where the page says what is wrong: only what changed is touched, so that it is not read out again and again. */

import { element } from "./element.js";

/** @param {HTMLElement} root with `aria-live` @param {(import("./words.js").Notice | null)[]} notices */
export function showNotices(root, notices) {
  const wanted = notices.filter((notice) => notice !== null);
  const key = JSON.stringify(wanted);
  if (root.dataset.shown === key) return;
  root.dataset.shown = key;
  root.replaceChildren(
    ...wanted.map(({ level, title, text, links }) =>
      element(
        "div",
        { class: `notice ${level}` },
        element("strong", {}, title),
        element("p", {}, text),
        links && links.length > 0
          ? element("p", { class: "links" }, ...links.map((each) => element("a", { href: each.href }, each.text)))
          : null,
      ),
    ),
  );
}
