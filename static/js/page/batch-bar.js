import { element, setText } from "./dom.js";
import { formatBytes, plural } from "./format.js";
import { icon } from "./icon.js";

/** @typedef {{fileCount: number, bytes: number, freeBytes: number, freeFiles: number}} Batch */

/** The bar below the chosen files. It shows how much space they need, and the button that starts their upload. */
export class BatchBar {
  #place;
  #title = element("p", { class: "batch__title" });
  #effect = element("p", { class: "batch__effect", id: "batch-effect", role: "status" });
  #start;

  /**
   * @param {HTMLElement} place
   * @param {{onStart: () => void, onClear: () => void}} actions
   */
  constructor(place, { onStart, onClear }) {
    this.#place = place;
    this.#start = element("button", {
      class: "button button--primary",
      type: "button",
      "aria-describedby": "batch-effect",
      onclick: onStart,
    });
    place.append(
      element("div", { class: "batch__words" }, this.#title, this.#effect),
      element(
        "div",
        { class: "batch__actions" },
        element("button", { class: "button button--quiet", type: "button", onclick: onClear }, "Clear"),
        this.#start,
      ),
    );
  }

  /** @param {Batch | null} batch null hides the bar */
  show(batch) {
    this.#place.hidden = batch === null;
    if (!batch) return;
    const { fileCount, bytes } = batch;
    const problem = whatDoesNotFit(batch);
    const files = plural(fileCount, "file");
    // Do not replace equal texts. WebKit drops a click if a script replaces the button's text during the click.
    setText(this.#title, `Needs ${formatBytes(bytes)}`);
    this.#effect.replaceChildren(
      ...(problem ? [icon("warning"), problem] : [`${formatBytes(batch.freeBytes - bytes)} will still be free.`]),
    );
    this.#place.classList.toggle("batch--over", Boolean(problem));
    setText(this.#start, `Upload ${files}`);
    this.#start.disabled = Boolean(problem);
  }
}

/**
 * @param {Batch} batch
 * @returns {string} the reason why the quota is too small for the files, with advice; "" if the files fit
 */
export function whatDoesNotFit({ fileCount, bytes, freeBytes, freeFiles }) {
  if (bytes > freeBytes) {
    return `Only ${formatBytes(freeBytes)} are free. Leave out some files, or delete stored files below.`;
  }
  if (fileCount > freeFiles) {
    return `You can store only ${plural(freeFiles, "more file")}. Leave out some files, or delete stored files below.`;
  }
  return "";
}
