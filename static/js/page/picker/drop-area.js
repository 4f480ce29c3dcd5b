import { canDrop } from "../drop-anywhere.js";
import { element, setText } from "../dom.js";
import { everyFrame } from "./frame.js";
import { icon } from "../icon.js";
import { plural } from "../format.js";

/** @typedef {{take: (files: Iterable<File>) => void, onEmptyFolder: () => void}} Actions */

const SHORT_MS = 300; // the message "Reading" appears only if reading a drop takes longer

/** The area for dropping files, with buttons for choosing files, a folder or a photo. */
export class DropArea {
  #files;
  #folder;
  #photo;
  #reading = element("p", { class: "drop__reading", hidden: true });
  /** @type {number | null} */
  #found = null;
  #drawReading = everyFrame(() => {
    const files = this.#found ?? 0;
    setText(this.#reading, files > 0 ? `Reading, ${plural(files, "file")} so far` : "Reading");
  });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #patience;
  #empty;
  #filled = element("div", { class: "chosen" });

  /**
   * @param {HTMLElement} place
   * @param {string} note a sentence about the permitted files
   * @param {Actions} actions
   */
  constructor(place, note, { take, onEmptyFolder }) {
    this.#files = input({ multiple: true });
    this.#folder = input({ webkitdirectory: true });
    this.#photo = input({ accept: "image/*", capture: "environment" });
    for (const one of [this.#files, this.#folder, this.#photo]) {
      one.addEventListener("change", () => {
        const files = [...(one.files ?? [])];
        one.value = "";
        if (files.length > 0) take(files);
        else if (one === this.#folder) onEmptyFolder();
      });
    }
    this.#empty = element(
      "div",
      { class: "drop" },
      icon("upload"),
      element("p", { class: "drop__title" }, canDrop ? "Drop files or folders here" : "Upload files or a folder"),
      element("div", { class: "drop__buttons" }, ...this.buttons("Choose files", "Choose a folder", "button")),
      element("p", { class: "drop__note soft" }, note),
    );
    this.#empty.querySelector("button")?.classList.add("button--primary");
    place.append(this.#files, this.#folder, this.#photo, this.#empty, this.#filled, this.#reading);
    this.show(false);
  }

  /** The element for the list of chosen files. */
  get filled() {
    return this.#filled;
  }

  /**
   * @param {string} files
   * @param {string} folder
   * @param {string} className
   * @returns {HTMLElement[]} the buttons that this browser supports
   */
  buttons(files, folder, className) {
    const canChooseFolders = "webkitdirectory" in this.#folder;
    return [
      button(files, className, () => this.chooseFiles()),
      ...(canChooseFolders ? [button(folder, className, () => this.#folder.click())] : []),
      ...(canDrop ? [] : [button("Take a photo", className, () => this.#photo.click())]),
    ];
  }

  chooseFiles() {
    this.#files.click();
  }

  /** @param {boolean} isFilled true shows the list of chosen files, false the empty area */
  show(isFilled) {
    this.#empty.hidden = isFilled;
    this.#filled.hidden = !isFilled;
  }

  /** @param {number | null} files number of files found so far in a drop, or null after reading has ended */
  showReading(files) {
    const hasBegun = this.#found === null && files !== null;
    this.#found = files;
    if (files !== null) this.#drawReading();
    if (hasBegun) this.#patience = setTimeout(() => (this.#reading.hidden = false), SHORT_MS);
    if (files !== null) return;
    clearTimeout(this.#patience);
    this.#reading.hidden = true;
  }

  /** Move the focus to the first button. */
  focus() {
    this.#empty.querySelector("button")?.focus({ preventScroll: true });
  }
}

/** @param {Record<string, unknown>} attributes */
function input(attributes) {
  const hidden = { type: "file", hidden: true, tabindex: "-1", "aria-hidden": "true" };
  return element("input", { ...hidden, ...attributes });
}

/**
 * @param {string} label
 * @param {string} className
 * @param {() => void} onclick
 */
function button(label, className, onclick) {
  return element("button", { class: className, type: "button", onclick }, label);
}
