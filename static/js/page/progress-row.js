import { element, setText } from "./dom.js";
import { fileName } from "./file-name.js";
import { formatBytes, formatBytesOf } from "./format.js";
import { icon, iconNameFor } from "./icon.js";
import { reasonInWords } from "./reason.js";

/** @typedef {import("./transfers.js").Transfer} Transfer */

/** The row of one file in the progress card. */
export class ProgressRow {
  #name;
  #state = element("span", { class: "transfer__state" });
  #bar = element("span", { class: "bar__fill" });
  #track = element("span", { class: "bar", "aria-hidden": "true" }, this.#bar);
  #retry;
  #again;
  #remove;
  #face = element("span", { class: "file__icon" });
  /** @type {Transfer} */
  #transfer;

  /**
   * @param {Transfer} transfer
   * @param {{onRemove: (transfer: Transfer) => void, onAdd: () => void}} actions
   * @param {import("./thumbnails.js").Thumbnails} thumbnails
   */
  constructor(transfer, { onRemove, onAdd }, thumbnails) {
    this.#transfer = transfer;
    this.#name = fileName(transfer.name);
    this.#retry = element("button", { class: "button", type: "button", onclick: () => this.#transfer.retry() }, "Try again");
    this.#again = element("button", { class: "button", type: "button", onclick: onAdd }, "Choose again");
    this.#remove = element(
      "button",
      { class: "icon-button", type: "button", onclick: () => onRemove(this.#transfer) },
      icon("x"),
    );
    this.#face.append(icon(iconNameFor(transfer.contentType)));
    void thumbnails
      .want(transfer.file)
      .then((url) => url && this.#face.replaceChildren(element("img", { src: url, alt: "" })));
    this.node = element(
      "li",
      { class: "transfer" },
      this.#face,
      element("span", { class: "transfer__main" }, this.#name, this.#state, this.#track),
      this.#retry,
      this.#again,
      this.#remove,
    );
    this.update(transfer);
  }

  /** @param {Transfer} transfer */
  update(transfer) {
    this.#transfer = transfer;
    const { state, byteSize, bytesSent, isFinal, isAskedFor } = transfer;
    const hasFailed = state === "failed";
    setText(this.#state, words(transfer));
    this.node.classList.toggle("transfer--failed", hasFailed);
    this.node.classList.toggle("transfer--checking", state === "checking");
    this.#track.hidden = hasFailed;
    this.#bar.style.transform = `scaleX(${byteSize ? Math.min(1, bytesSent / byteSize) : state === "checking" ? 1 : 0})`;
    this.#retry.hidden = !hasFailed || isFinal;
    this.#again.hidden = !isAskedFor;
    this.#remove.setAttribute("aria-label", `${hasFailed ? "Dismiss" : "Cancel"} ${transfer.name}`);
  }
}

/** @param {Transfer} transfer */
function words({ state, byteSize, bytesSent, message }) {
  switch (state) {
    case "queued":
      return `Waiting, ${formatBytes(byteSize)}`;
    case "paused":
      return `Paused at ${formatBytesOf(bytesSent, byteSize)}`;
    case "checking":
      return "Checking";
    case "failed":
      return reasonInWords(message);
    default:
      return formatBytesOf(bytesSent, byteSize);
  }
}
