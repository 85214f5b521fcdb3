/** The buttons of a chart: what dragging does, and the way back. */

import { element } from "../element.js";
import { t } from "../language.js";

/** @typedef {import("./gestures.js").Tool} Tool */

let count = 0;

export class Toolbar {
  /** @param {import("./chart.js").Handlers} handlers */
  constructor({ onZoom, onSelect, onBack }) {
    /** @type {Tool} */
    this.tool = onZoom ? "zoom" : "select";
    this.canGoBack = true;
    const name = `chart-tool-${++count}`;
    const tools = /** @type {Tool[]} */ (["zoom", "select", "pan"]).filter((tool) =>
      tool === "select" ? onSelect : onZoom,
    );
    this.back =
      onBack &&
      element("button", { type: "button", class: "back", onclick: () => this.canGoBack && onBack() }, t("chart.back"));
    this.root = element(
      "div",
      { class: "chart-tools" },
      tools.length > 1 &&
        element(
          "fieldset",
          { class: "choice" },
          element("legend", { class: "unseen" }, t("chart.tools")),
          ...tools.map((tool) =>
            element(
              "label",
              {},
              element("input", {
                type: "radio",
                name,
                value: tool,
                checked: tool === this.tool,
                onchange: () => {
                  this.tool = tool;
                },
              }),
              element("span", {}, t(`chart.tool_${tool}`)),
            ),
          ),
        ),
      this.back,
    );
  }

  /** @param {boolean} can */
  allowBack(can) {
    this.canGoBack = can;
    // Not `disabled`: a button that was just pressed must not lose the focus.
    this.back?.setAttribute("aria-disabled", String(!can));
  }
}
