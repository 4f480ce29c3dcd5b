import { element } from "./dom.js";

const TAIL = 10;
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/;

/**
 * Return an element with a file name. If the name is too wide, CSS shortens it in the middle, so that the extension and
 * a number at the end stay visible.
 *
 * @param {string} filename
 * @returns {HTMLElement}
 */
export function fileName(filename) {
  const characters = [...filename];
  const canSplit = characters.length > TAIL * 2 && !RIGHT_TO_LEFT.test(filename) && !/\p{M}|\u200d/u.test(filename);
  const start = canSplit ? characters.slice(0, -TAIL).join("") : filename;
  const end = canSplit ? characters.slice(-TAIL).join("") : "";
  return element(
    "bdi",
    { class: "name", title: filename },
    element("span", { class: "name__start", "aria-hidden": canSplit && "true" }, start),
    end && element("span", { class: "name__end", "aria-hidden": "true" }, end),
    // Screen readers would read the two visible parts as two words, so this hidden element has the whole name for them.
    end && element("span", { class: "name__whole visually-hidden" }, filename),
  );
}
