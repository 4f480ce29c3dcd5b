import { byId } from "./page-data.js";

/** @typedef {import("./unfinished-row.js").UnfinishedRow} UnfinishedRow */

/** The section "Unfinished" of the page, with a row for each unfinished upload. */
export class UnfinishedList {
  #section = byId("unfinished");
  #note = byId("unfinished-note");
  #list = byId("unfinished-list");
  /** @type {Set<UnfinishedRow>} */
  #rows = new Set();

  get rows() {
    return [...this.#rows];
  }

  /** @param {UnfinishedRow} row */
  has(row) {
    return this.#rows.has(row);
  }

  /** @param {string | undefined} id the id of an upload */
  rowOf(id) {
    return this.rows.find(({ entry: { record } }) => record && record.id === id);
  }

  /** @param {UnfinishedRow[]} rows the rows that replace all rows of the list */
  show(rows) {
    this.#rows = new Set(rows);
    const before = this.#focused();
    this.#list.replaceChildren(...rows.map(({ node }) => node));
    this.#settle();
    before?.();
  }

  /** @param {UnfinishedRow} row */
  remove(row) {
    const neighbour = row.node.nextElementSibling ?? row.node.previousElementSibling;
    const hadFocus = row.node.contains(document.activeElement);
    this.#rows.delete(row);
    row.node.remove();
    this.#settle();
    if (hadFocus) neighbour?.querySelector("button")?.focus();
  }

  #settle() {
    this.#section.hidden = this.#rows.size === 0;
    this.#note.hidden = this.rows.every(({ entry }) => entry.isElsewhere || entry.kept);
  }

  /** @returns {(() => void) | undefined} a function that moves the focus back to the button with the same label */
  #focused() {
    const label = document.activeElement?.getAttribute("aria-label");
    if (!label || !this.#list.contains(document.activeElement)) return undefined;
    return () => /** @type {HTMLElement | null} */ (this.#list.querySelector(`[aria-label="${CSS.escape(label)}"]`))?.focus();
  }
}
