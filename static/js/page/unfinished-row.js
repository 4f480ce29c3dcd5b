import { element } from "./dom.js";
import { fileName } from "./file-name.js";
import { formatBytes, formatBytesOf, formatUntil, formatWhenInFull } from "./format.js";
import { icon, iconNameFor } from "./icon.js";
import { pickByHandle } from "./file-picker.js";

/**
 * @typedef {import("../engine/api.js").UploadRecord} UploadRecord
 * @typedef {import("./kept-store.js").Kept} Kept
 * @typedef {{record: UploadRecord | null, kept: Kept | null, isElsewhere: boolean}} Entry
 *   `record`: the upload on the server; `kept`: its file, stored in this browser. Only one of them can be null.
 *   `isElsewhere`: whether another tab is sending the upload
 * @typedef {{
 *   onChoose: (file: File) => void, onUnreadable: (names: string[]) => void,
 *   onContinue: () => Promise<void>, onDiscard: () => void,
 * }} Actions `onContinue` continues the upload with the kept file, or shows why that fails
 */

/** The row of one unfinished upload. It shows the bytes in the bucket, and buttons for continuing and discarding. */
export class UnfinishedRow {
  #words = element("span", {});
  #input = /** @type {HTMLInputElement} */ (element("input", { type: "file", hidden: true, tabindex: "-1", "aria-hidden": "true" }));

  /**
   * @param {Entry} entry
   * @param {Actions} actions
   */
  constructor(entry, { onChoose, onUnreadable, onContinue, onDiscard }) {
    const { record, kept, isElsewhere } = entry;
    const facts = factsOf(entry);
    this.entry = entry;
    this.#words.textContent = firstWords(entry);
    this.#input.addEventListener("change", () => {
      const file = this.#input.files?.[0];
      this.#input.value = "";
      if (file) onChoose(file);
    });
    pickByHandle(this.#input, { take: ([file], unreadable) => (file ? onChoose(file) : onUnreadable(unreadable)) });
    let hasTried = !kept;
    const goOn = () => {
      if (hasTried) return this.#input.click();
      // The first click tries the kept file. This fails if the file is missing or if the person refuses permission. So the
      // second click opens the file dialog.
      hasTried = true;
      void onContinue();
    };
    const name = fileName(facts.filename);
    this.node = element(
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
            this.#input,
            button("Continue", facts.filename, "button", goOn),
            button("Discard", facts.filename, "button button--quiet", onDiscard),
          ),
    );
  }

  /** @param {number} bytes number of bytes in the bucket */
  showSafe(bytes) {
    const { byteSize } = factsOf(this.entry);
    this.#words.textContent = bytes < byteSize ? `${formatBytesOf(bytes, byteSize)} uploaded` : `All ${formatBytes(byteSize)} uploaded`;
  }
}

/** @param {Entry} entry */
export function factsOf({ record, kept }) {
  return {
    filename: record?.filename ?? kept?.filename ?? "",
    contentType: record?.content_type ?? kept?.contentType ?? "",
    byteSize: record?.byte_size ?? kept?.byteSize ?? 0,
  };
}

/** @param {Entry} entry */
function firstWords(entry) {
  const size = formatBytes(factsOf(entry).byteSize);
  if (entry.isElsewhere) return `${size}, in progress`;
  return entry.record ? `${size}, waiting` : `${size}, not started`;
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
