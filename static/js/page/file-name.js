import { element } from "./dom.js";
import { isBidirectional } from "./direction.js";

const TAIL = 10;

/**
 * Return an element with a file name. If the name is too wide, CSS shortens it in the middle, so that the extension and
 * a number at the end stay visible.
 *
 * The outer element has the direction of the page, so a Hebrew or Arabic name also begins next to its icon. The inner
 * `bdi` shows the name in its own direction, without an effect on the words around the name.
 *
 * @param {string} filename
 * @returns {HTMLElement}
 */
export function fileName(filename) {
  const characters = [...filename];
  const canSplit = characters.length > TAIL * 2 && !isBidirectional(filename) && !/\p{M}|\u200d/u.test(filename);
  const start = canSplit ? characters.slice(0, -TAIL).join("") : filename;
  const end = canSplit ? characters.slice(-TAIL).join("") : "";
  return element(
    "span",
    { class: "name", title: filename },
    element("bdi", { class: "name__start", "aria-hidden": canSplit && "true" }, start),
    end && element("span", { class: "name__end", "aria-hidden": "true" }, end),
    // Screen readers would read the two visible parts as two words, so this hidden element has the whole name for them.
    end && element("span", { class: "name__whole visually-hidden" }, filename),
  );
}
