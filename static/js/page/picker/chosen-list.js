import { chosenRow } from "./chosen-row.js";
import { element, setText } from "../dom.js";
import { everyFrame } from "./frame.js";
import { formatBytes, plural } from "../format.js";
import { scrollTo, windowOf } from "./window-of.js";

/**
 * @typedef {import("./chosen.js").Item} Item
 * @typedef {ReturnType<typeof chosenRow>} Row
 */

const FALLBACK_HEIGHT = 56;

/** The list of chosen files. Only the visible rows are in the document, so a list of thousands of files stays fast. */
export class ChosenList {
  #chosen;
  #thumbnails;
  #title = element("h2", { class: "chosen__title", tabindex: "-1" });
  #rows = element("ul", { class: "chosen__rows", role: "list", "aria-label": "Chosen files" });
  #window = element("div", { class: "chosen__window" }, this.#rows);
  /** @type {Map<number, Row>} the rows in the document, by item id */
  #drawn = new Map();
  #rowHeight = 0;
  /** The index of the row that the Tab key reaches. */
  #current = 0;
  #draw;

  /**
   * @param {HTMLElement} place
   * @param {{
   *   chosen: import("./chosen.js").Chosen, thumbnails: import("../thumbnails.js").Thumbnails,
   *   buttons: HTMLElement[], onEmpty: () => void,
   * }} parts `onEmpty` is called after the person has removed the last file
   */
  constructor(place, { chosen, thumbnails, buttons, onEmpty }) {
    this.#chosen = chosen;
    this.#thumbnails = thumbnails;
    this.#draw = everyFrame(() => this.render());
    place.append(
      element("div", { class: "chosen__head" }, this.#title, element("div", { class: "chosen__buttons" }, ...buttons)),
      this.#window,
    );
    this.#window.addEventListener("scroll", this.#draw, { passive: true });
    new ResizeObserver(() => {
      this.#rowHeight = 0;
      this.#draw();
    }).observe(this.#window);
    this.#rows.addEventListener("click", ({ target }) => {
      const index = this.#indexOf(/** @type {Element} */ (target).closest("button"));
      if (index >= 0) this.#leaveOut(index, onEmpty);
    });
    this.#rows.addEventListener("focusin", ({ target }) => {
      const index = this.#indexOf(/** @type {Element} */ (target));
      if (index >= 0) this.#current = index;
    });
    this.#rows.addEventListener("keydown", (event) => this.#press(event, onEmpty));
  }

  /** Move the focus to the title. */
  focus() {
    this.#title.focus({ preventScroll: true });
  }

  /** Draw the visible rows. Call this after each change of the chosen files. */
  render() {
    const { items, bytes } = this.#chosen;
    const count = items.length;
    setText(this.#title, `${plural(count, "file")} chosen · ${formatBytes(bytes)}`);
    const rowHeight = this.#measure();
    this.#rows.style.height = `${count * rowHeight}px`;
    const { scrollTop, clientHeight } = this.#window;
    const { first, end } = windowOf({ count, rowHeight, scrollTop, height: clientHeight });
    this.#current = Math.max(0, Math.min(this.#current, count - 1));
    const places = new Set([this.#focused()].filter((index) => index >= 0));
    for (let index = first; index < end; index += 1) places.add(index);
    const shown = [...places].sort((one, other) => one - other);
    const tabbable = places.has(this.#current) ? this.#current : first;
    const ids = new Set(shown.map((index) => items[index].id));
    for (const [id, { node }] of this.#drawn) {
      if (ids.has(id)) continue;
      this.#drawn.delete(id);
      node.remove();
    }
    for (const [place, index] of shown.entries()) {
      this.#put(items[index], { top: index * rowHeight, index, place, count, isTabbable: index === tabbable });
    }
  }

  /**
   * @param {Item} item
   * @param {{top: number, index: number, place: number, count: number, isTabbable: boolean}} facts
   */
  #put(item, { top, index, place, count, isTabbable }) {
    let row = this.#drawn.get(item.id);
    if (!row) {
      row = chosenRow(item, this.#thumbnails);
      this.#drawn.set(item.id, row);
    }
    const { node, button } = row;
    // Do not insert a row that is already in its place, because inserting removes the focus from the row's button.
    if (this.#rows.children[place] !== node) this.#rows.insertBefore(node, this.#rows.children[place] ?? null);
    node.style.transform = `translateY(${top}px)`;
    node.setAttribute("aria-posinset", String(index + 1));
    node.setAttribute("aria-setsize", String(count));
    node.dataset.index = String(index);
    button.tabIndex = isTabbable ? 0 : -1;
  }

  /** @returns {number} the height of a row, which depends on the size of the text */
  #measure() {
    if (this.#rowHeight === 0 && this.#chosen.items.length > 0) {
      const probe = element("li", { class: "chosen__row" });
      this.#rows.append(probe);
      this.#rowHeight = probe.offsetHeight;
      probe.remove();
    }
    return this.#rowHeight || FALLBACK_HEIGHT;
  }

  /** @returns {number} the index of the row that has the focus, or -1 */
  #focused() {
    const { activeElement } = document;
    return this.#rows.contains(activeElement) ? this.#indexOf(activeElement) : -1;
  }

  /**
   * @param {Element | null | undefined} inside
   * @returns {number}
   */
  #indexOf(inside) {
    const node = inside?.closest("[data-index]");
    const row = [...this.#drawn].find(([, drawn]) => drawn.node === node);
    return row ? this.#chosen.items.findIndex(({ id }) => id === row[0]) : -1;
  }

  /**
   * @param {KeyboardEvent} event
   * @param {() => void} onEmpty
   */
  #press(event, onEmpty) {
    const index = this.#focused();
    if (index < 0) return;
    const page = Math.max(1, Math.floor(this.#window.clientHeight / this.#measure()) - 1);
    const last = this.#chosen.items.length - 1;
    /** @type {Record<string, number>} */
    const places = {
      ArrowDown: index + 1, ArrowUp: index - 1, PageDown: index + page, PageUp: index - page, Home: 0, End: last,
    };
    if (event.key in places) this.#focusRow(Math.max(0, Math.min(last, places[event.key])));
    else if (event.key === "Delete") this.#leaveOut(index, onEmpty);
    else return;
    event.preventDefault();
  }

  /**
   * @param {number} index
   * @param {() => void} onEmpty
   */
  #leaveOut(index, onEmpty) {
    const item = this.#chosen.items[index];
    this.#chosen.remove(item);
    this.#thumbnails.release([item.file]);
    if (this.#chosen.items.length === 0) return onEmpty();
    this.#focusRow(Math.min(index, this.#chosen.items.length - 1));
    return undefined;
  }

  /** @param {number} index */
  #focusRow(index) {
    const { scrollTop, clientHeight: height } = this.#window;
    this.#window.scrollTop = scrollTo(index, { rowHeight: this.#measure(), scrollTop, height });
    this.#current = index;
    this.render();
    this.#drawn.get(this.#chosen.items[index].id)?.button.focus({ preventScroll: true });
  }
}
