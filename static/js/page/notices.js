import { element } from "./dom.js";
import { formatNumber } from "./format.js";
import { icon } from "./icon.js";

/**
 * @typedef {{
 *   tone?: "info" | "warning" | "error" | "success", details?: string[], help?: string, key?: string,
 *   action?: {label: string, run: () => void}, onDismiss?: () => void,
 * }} NoticeOptions `help`: advice below the details; `key`: a new notice replaces the notice with the same key;
 *   `onDismiss`: called when the person closes the notice
 */

const FIRST_DETAILS = 10;
const MORE_DETAILS = 500;

/** Messages in the page. A message stays until the person or the page closes it. */
export class Notices {
  #place;
  /** @type {Map<string, HTMLElement>} */
  #shown = new Map();

  /** @param {HTMLElement} place */
  constructor(place) {
    this.#place = place;
  }

  /**
   * Show a notice.
   *
   * @param {string} text
   * @param {NoticeOptions} [options]
   */
  show(text, { tone = "info", details = [], help = "", action, onDismiss, key = text } = {}) {
    this.dismiss(key);
    const notice = element(
      "div",
      { class: `notice notice--${tone}`, role: tone === "error" ? "alert" : "status" },
      icon(tone === "error" || tone === "warning" ? "warning" : tone === "success" ? "success" : "info"),
      element(
        "div",
        { class: "notice__body" },
        element("p", {}, text),
        details.length > 0 && listOf(details),
        help && element("p", { class: "notice__help" }, help),
      ),
      action && element("button", { class: "button", type: "button", onclick: action.run }, action.label),
      element(
        "button",
        { class: "icon-button", type: "button", "aria-label": "Dismiss", onclick: () => (this.dismiss(key), onDismiss?.()) },
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

/**
 * Return a list of the first details, with a button that shows more.
 *
 * @param {string[]} details
 */
function listOf(details) {
  const list = element("ul", {});
  let shown = 0;
  const show = (/** @type {number} */ count) => {
    const isLast = details.length - shown - count <= 1; // show the last line instead of "and 1 more"
    const next = details.slice(shown, isLast ? undefined : shown + count);
    shown += next.length;
    const rest = details.length - shown;
    const lines = next.map((line) => element("li", {}, line));
    more.remove();
    list.append(...lines);
    moreButton.textContent = `and ${formatNumber(rest)} more`;
    if (rest > 0) list.append(more);
    return lines[0];
  };
  const onclick = () => {
    const first = show(MORE_DETAILS);
    list.tabIndex = 0; // the longer list scrolls, and arrow keys can scroll it only if it can have the focus
    first.tabIndex = -1;
    first.focus();
  };
  const moreButton = element("button", { class: "link", type: "button", onclick });
  const more = element("li", {}, moreButton);
  show(FIRST_DETAILS);
  return list;
}
