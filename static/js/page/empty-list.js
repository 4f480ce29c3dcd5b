import { canDrop } from "./drop-anywhere.js";
import { element } from "./dom.js";
import { icon } from "./icon.js";

/** Return the content for a list without files. */
export function noFilesYet() {
  return [
    icon("upload"),
    element("p", { class: "empty__title" }, "Your files will be here"),
    element(
      "p",
      { class: "soft" },
      `${canDrop ? "Drop files anywhere in this window." : "Choose files above."} They go directly to storage, are checked there, and appear in this list.`,
    ),
  ];
}

/**
 * Return the content for a search without results.
 *
 * @param {string} query
 * @param {() => void} clear called if the person presses "Clear the search"
 */
export function noMatches(query, clear) {
  return [
    element("p", { class: "empty__title" }, "No file has “", element("bdi", {}, query), "” in its name"),
    element("button", { class: "button", type: "button", onclick: clear }, "Clear the search"),
  ];
}
