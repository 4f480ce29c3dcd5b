import { byId } from "./page-data.js";
import { plural } from "./format.js";
import { setText } from "./dom.js";

/** @typedef {import("./unfinished-row.js").UnfinishedRow} UnfinishedRow */

const FIRST_ROWS = 20;
const MORE_ROWS = 500;

/** The section "Unfinished" of the page. It draws the first 20 rows, and a button shows more. */
export class UnfinishedList {
  #section = byId("unfinished");
  #note = byId("unfinished-note");
  #parts = byId("unfinished-parts");
  #list = byId("unfinished-list");
  #more = byId("unfinished-more");
  #discardAll = /** @type {HTMLButtonElement} */ (byId("unfinished-discard"));
  /** @type {Set<UnfinishedRow>} all rows; the first rows of the set are in the document */
  #rows = new Set();
  #limit = FIRST_ROWS;

  /** @param {{onDiscardAll: () => void}} actions */
  constructor({ onDiscardAll }) {
    this.#discardAll.addEventListener("click", onDiscardAll);
    this.#more.addEventListener("click", () => this.#showMore());
  }

  /** All rows, also those that are not drawn. */
  get rows() {
    return [...this.#rows];
  }

  /** @param {UnfinishedRow} row */
  has(row) {
    return this.#rows.has(row);
  }

  /** @param {string | undefined} key the id of an upload, or the id of a kept file whose upload has not started */
  rowOf(key) {
    return this.rows.find((row) => row.key === key);
  }

  /** @param {UnfinishedRow[]} rows the rows that replace all rows of the list */
  show(rows) {
    const before = this.#focused();
    this.#rows = new Set(rows);
    this.#list.replaceChildren();
    this.#render();
    before?.();
  }

  /**
   * Show how many bytes of an upload the bucket has.
   *
   * @param {string} id
   * @param {number} bytes
   */
  showSafe(id, bytes) {
    this.rowOf(id)?.showSafe(bytes);
    this.#render();
  }

  /** @param {UnfinishedRow} row */
  remove(row) {
    this.#rows.delete(row);
    if (!row.isDrawn) return this.#render();
    const { node } = row;
    const neighbour = node.nextElementSibling ?? node.previousElementSibling;
    const hadFocus = node.contains(document.activeElement);
    node.remove();
    this.#render();
    if (hadFocus) (neighbour ?? this.#list).querySelector("button")?.focus();
    if (hadFocus && this.#rows.size === 0) this.#leave();
    return undefined;
  }

  /** Move the focus to the title. */
  focus() {
    byId("unfinished-title").focus({ preventScroll: true });
  }

  /** @param {boolean} isAllowed whether the button "Discard all" is enabled */
  allowDiscardAll(isAllowed) {
    this.#discardAll.disabled = !isAllowed;
  }

  #showMore() {
    const shown = this.#list.childElementCount;
    this.#limit = shown + MORE_ROWS;
    this.#render();
    this.#list.children[shown]?.querySelector("button")?.focus();
  }

  #render() {
    const rows = this.rows;
    if (rows.length === 0) this.#limit = FIRST_ROWS;
    this.#list.append(...rows.slice(this.#list.childElementCount, this.#limit).map(({ node }) => node));
    const hidden = rows.length - this.#list.childElementCount;
    if (hidden > 0) setText(this.#more, `Show ${plural(Math.min(hidden, MORE_ROWS), "more upload")}`);
    const focused = document.activeElement;
    this.#more.hidden = hidden === 0;
    this.#discardAll.hidden = rows.filter(({ entry }) => !entry.isElsewhere).length < 2;
    this.#note.hidden = rows.every(({ entry }) => entry.isElsewhere || entry.kept);
    setText(this.#parts, rows.some(({ hasParts }) => hasParts) ? " The parts that have arrived are kept." : "");
    const hadFocus = this.#section.contains(focused);
    this.#section.hidden = rows.length === 0;
    if (hadFocus && this.#section.hidden) this.#leave();
    else if ([this.#more, this.#discardAll].some((button) => button === focused && button.hidden)) this.focus();
  }

  /** Move the focus to the upload area, because this section disappears. */
  #leave() {
    byId("upload").focus({ preventScroll: true });
  }

  /** @returns {(() => void) | undefined} a function that moves the focus back to the button with the same label */
  #focused() {
    const label = document.activeElement?.getAttribute("aria-label");
    if (!label || !this.#list.contains(document.activeElement)) return undefined;
    return () => /** @type {HTMLElement | null} */ (this.#list.querySelector(`[aria-label="${CSS.escape(label)}"]`))?.focus();
  }
}
