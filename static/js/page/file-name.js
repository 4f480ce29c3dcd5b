import { element } from "./dom.js";

const TAIL = 10;
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/;

/**
 * Return a filename that is shortened in its middle if it does not fit, because the end of a name says the most.
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
    // A screen reader would read the two parts as two words, so it gets the whole name.
    end && element("span", { class: "name__whole visually-hidden" }, filename),
  );
}
