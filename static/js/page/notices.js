import { element } from "./dom.js";
import { icon } from "./icon.js";

/** @typedef {{tone?: "info" | "warning" | "error" | "success", details?: string[], action?: {label: string, run: () => void}, key?: string}} NoticeOptions */

const MAX_DETAILS = 5;

/** Messages in the page: they stay until they are answered, dismissed or out of date. */
export class Notices {
  #place;
  /** @type {Map<string, HTMLElement>} */
  #shown = new Map();

  /** @param {HTMLElement} place */
  constructor(place) {
    this.#place = place;
  }

  /**
   * Show a notice; one with the same key is replaced.
   *
   * @param {string} text
   * @param {NoticeOptions} [options]
   */
  show(text, { tone = "info", details = [], action, key = text } = {}) {
    this.dismiss(key);
    const more = details.length - MAX_DETAILS;
    const shown = more > 1 ? [...details.slice(0, MAX_DETAILS), `and ${more} more`] : details;
    const notice = element(
      "div",
      { class: `notice notice--${tone}`, role: tone === "error" ? "alert" : "status" },
      icon(tone === "error" || tone === "warning" ? "warning" : tone === "success" ? "success" : "info"),
      element(
        "div",
        { class: "notice__body" },
        element("p", {}, text),
        shown.length > 0 && element("ul", {}, ...shown.map((line) => element("li", {}, line))),
      ),
      action && element("button", { class: "button", type: "button", onclick: action.run }, action.label),
      element(
        "button",
        { class: "icon-button", type: "button", "aria-label": "Dismiss", onclick: () => this.dismiss(key) },
        icon("x"),
      ),
    );
    this.#shown.set(key, notice);
    this.#place.append(notice);
  }

  /** @param {string} key */
  dismiss(key) {
    this.#shown.get(key)?.remove();
    this.#shown.delete(key);
  }
}
