import { element, setText } from "./dom.js";
import { fileName } from "./file-name.js";
import { UnfinishedUpload, factsOf } from "./unfinished-upload.js";
import { formatUntil, formatWhenInFull } from "./format.js";
import { icon, iconNameFor } from "./icon.js";
import { pickByHandle } from "./file-picker.js";

/**
 * @typedef {import("../engine/api.js").UploadRecord} UploadRecord
 * @typedef {import("./unfinished-upload.js").Entry} Entry
 * @typedef {{
 *   onChoose: (file: File) => void, onUnreadable: (names: string[]) => void,
 *   onContinue: () => Promise<void>, onDiscard: () => void,
 * }} Actions `onContinue` continues the upload with the kept file, or shows why that fails
 */

/** The row of one unfinished upload. It shows the bytes in the bucket, and buttons for continuing and discarding. */
export class UnfinishedRow extends UnfinishedUpload {
  #actions;
  /** @type {HTMLElement | null} */
  #node = null;
  /** @type {HTMLElement | null} */
  #words = null;

  /**
   * @param {Entry} entry
   * @param {Actions} actions
   */
  constructor(entry, actions) {
    super(entry);
    this.#actions = actions;
  }

  get isDrawn() {
    return this.#node !== null;
  }

  /** The element of the row. The first access creates it, because a list of hundreds of uploads draws only some rows. */
  get node() {
    this.#node ??= this.#draw();
    return this.#node;
  }

  /** @param {number} bytes number of bytes in the bucket */
  showSafe(bytes) {
    super.showSafe(bytes);
    if (this.#words) setText(this.#words, this.text);
  }

  #draw() {
    const { record, kept, isElsewhere } = this.entry;
    const { onChoose, onUnreadable, onContinue, onDiscard } = this.#actions;
    const facts = factsOf(this.entry);
    const input = /** @type {HTMLInputElement} */ (element("input", { type: "file", hidden: true, tabindex: "-1", "aria-hidden": "true" }));
    input.addEventListener("change", () => {
      const file = input.files?.[0];
      input.value = "";
      if (file) onChoose(file);
    });
    pickByHandle(input, { take: ([file], unreadable) => (file ? onChoose(file) : onUnreadable(unreadable)) });
    let hasTried = !kept;
    const goOn = () => {
      if (hasTried) return input.click();
      // The first click tries the kept file. This fails if the file is missing or if the person refuses permission. So the
      // second click opens the file dialog.
      hasTried = true;
      void onContinue();
    };
    const name = fileName(facts.filename);
    this.#words = element("span", {}, this.text);
    return element(
      "li",
      { class: "file file--unfinished", "data-id": record?.id },
      element("span", { class: "file__icon" }, icon(iconNameFor(facts.contentType))),
      element(
        "span",
        { class: "file__main" },
        record
          ? element("a", { class: "file__name", href: `/uploads/${record.id}/` }, name)
          : element("span", { class: "file__name" }, name),
        element("span", { class: "file__folder" }, this.#words, ...(record && !isElsewhere ? untilWords(record) : [])),
      ),
      isElsewhere
        ? element("span", { class: "file__state" }, "In another tab")
        : element(
            "span",
            { class: "file__buttons" },
            input,
            button("Continue", facts.filename, "button", goOn),
            button("Discard", facts.filename, "button button--quiet", onDiscard),
          ),
    );
  }
}

/** @param {UploadRecord} record */
function untilWords({ expires_at: moment }) {
  const expires = new Date(moment);
  return [", kept until ", element("time", { datetime: moment, title: formatWhenInFull(expires) }, formatUntil(expires))];
}

/**
 * @param {string} label
 * @param {string} filename
 * @param {string} className
 * @param {() => void} onclick
 */
function button(label, filename, className, onclick) {
  return element("button", { class: className, type: "button", "aria-label": `${label} ${filename}`, onclick }, label);
}
