import { element } from "./dom.js";
import { icon } from "./icon.js";

/** @typedef {{label: string, icon: import("./icon.js").IconName, run?: () => void, href?: string, download?: boolean, danger?: boolean}} MenuItem */

const GAP = 4;

/** The menu of actions, shared by all rows. It opens at a button, and works with the pointer and the keyboard. */
export class Menu {
  #panel = element("div", { class: "menu", role: "menu", popover: "auto" });
  /** @type {HTMLElement | null} */
  #button = null;

  /** @param {HTMLElement} place the parent of the menu; for screen readers, it must be in a landmark such as `main` */
  constructor(place) {
    place.append(this.#panel);
    this.#panel.addEventListener("keydown", (event) => this.#onKey(event));
    this.#panel.addEventListener("toggle", (event) => {
      if (/** @type {ToggleEvent} */ (event).newState === "closed") this.#button?.setAttribute("aria-expanded", "false");
    });
    window.addEventListener("scroll", () => this.close(), { passive: true });
    window.addEventListener("resize", () => this.close());
  }

  /**
   * Return a button that opens the menu.
   *
   * @param {string} label
   * @param {() => MenuItem[]} items returns the menu's items; called each time the menu opens
   */
  button(label, items) {
    const button = element(
      "button",
      { class: "icon-button", type: "button", "aria-label": label, "aria-haspopup": "menu", "aria-expanded": "false" },
      icon("ellipsis"),
    );
    button.addEventListener("click", () => this.#open(button, items()));
    return button;
  }

  close() {
    if (this.#panel.matches(":popover-open")) this.#panel.hidePopover();
  }

  /**
   * @param {HTMLElement} button
   * @param {MenuItem[]} items
   */
  #open(button, items) {
    const wasOpenHere = this.#button === button && button.getAttribute("aria-expanded") === "true";
    this.close();
    if (wasOpenHere) return;
    this.#button = button;
    this.#panel.setAttribute("aria-label", button.getAttribute("aria-label") ?? "");
    this.#panel.replaceChildren(...items.map((item) => this.#item(item)));
    this.#panel.showPopover();
    button.setAttribute("aria-expanded", "true");
    this.#place(button.getBoundingClientRect());
    /** @type {HTMLElement} */ (this.#panel.firstElementChild).focus({ preventScroll: true });
  }

  /** @param {DOMRect} anchor */
  #place(anchor) {
    const { offsetWidth: width, offsetHeight: height } = this.#panel;
    const below = anchor.bottom + GAP;
    const fitsBelow = below + height < window.innerHeight;
    this.#panel.style.left = `${Math.max(GAP, anchor.right - width)}px`;
    this.#panel.style.top = `${fitsBelow ? below : Math.max(GAP, anchor.top - GAP - height)}px`;
  }

  /** @param {MenuItem} item */
  #item({ label, icon: name, run, href, download, danger }) {
    const attributes = { class: `menu__item${danger ? " menu__item--danger" : ""}`, role: "menuitem", tabindex: "-1" };
    const act = () => {
      this.close();
      run?.();
    };
    if (href) return element("a", { ...attributes, href, download, onclick: act }, icon(name), label);
    return element("button", { ...attributes, type: "button", onclick: act }, icon(name), label);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const items = /** @type {HTMLElement[]} */ ([...this.#panel.children]);
    const current = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const next = { ArrowDown: current + 1, ArrowUp: current - 1, Home: 0, End: items.length - 1 }[event.key];
    if (next !== undefined) {
      event.preventDefault();
      items.at(next % items.length)?.focus();
    } else if (event.key === "Tab" || event.key === "Escape") {
      event.preventDefault();
      this.close();
      this.#button?.focus();
    }
  }
}
