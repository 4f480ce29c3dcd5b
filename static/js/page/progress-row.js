import { element, setText } from "./dom.js";
import { fileName } from "./file-name.js";
import { formatBytes, formatBytesOf } from "./format.js";
import { icon, iconNameFor } from "./icon.js";
import { reasonInWords } from "./reason.js";

/** @typedef {import("./travellers.js").Traveller} Traveller */

/** One file in the progress card. */
export class ProgressRow {
  #name;
  #state = element("span", { class: "traveller__state" });
  #bar = element("span", { class: "bar__fill" });
  #track = element("span", { class: "bar", "aria-hidden": "true" }, this.#bar);
  #retry;
  #again;
  #remove;
  #face = element("span", { class: "file__icon" });
  /** @type {Traveller} */
  #traveller;

  /**
   * @param {Traveller} traveller
   * @param {{onRemove: (traveller: Traveller) => void, onAdd: () => void}} actions
   * @param {import("./thumbnails.js").Thumbnails} thumbnails
   */
  constructor(traveller, { onRemove, onAdd }, thumbnails) {
    this.#traveller = traveller;
    this.#name = fileName(traveller.name);
    this.#retry = element("button", { class: "button", type: "button", onclick: () => this.#traveller.retry() }, "Try again");
    this.#again = element("button", { class: "button", type: "button", onclick: onAdd }, "Choose again");
    this.#remove = element(
      "button",
      { class: "icon-button", type: "button", onclick: () => onRemove(this.#traveller) },
      icon("x"),
    );
    this.#face.append(icon(iconNameFor(traveller.contentType)));
    void thumbnails
      .want(traveller.file)
      .then((url) => url && this.#face.replaceChildren(element("img", { src: url, alt: "" })));
    this.node = element(
      "li",
      { class: "traveller" },
      this.#face,
      element("span", { class: "traveller__main" }, this.#name, this.#state, this.#track),
      this.#retry,
      this.#again,
      this.#remove,
    );
    this.update(traveller);
  }

  /** @param {Traveller} traveller */
  update(traveller) {
    this.#traveller = traveller;
    const { state, byteSize, bytesSent, isFinal, isAskedFor } = traveller;
    const hasFailed = state === "failed";
    setText(this.#state, words(traveller));
    this.node.classList.toggle("traveller--failed", hasFailed);
    this.node.classList.toggle("traveller--checking", state === "checking");
    this.#track.hidden = hasFailed;
    this.#bar.style.transform = `scaleX(${byteSize ? Math.min(1, bytesSent / byteSize) : state === "checking" ? 1 : 0})`;
    this.#retry.hidden = !hasFailed || isFinal;
    this.#again.hidden = !isAskedFor;
    this.#remove.setAttribute("aria-label", `${hasFailed ? "Dismiss" : "Cancel"} ${traveller.name}`);
  }
}

/** @param {Traveller} traveller */
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
