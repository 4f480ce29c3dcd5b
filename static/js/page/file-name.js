import { element } from "./dom.js";
import { keepEndVisible } from "./name-cut.js";

/**
 * Return an element with a file name. If the name is too wide, the page shortens it in the middle, so that the extension
 * and a number at the end stay visible.
 *
 * The outer element has the direction of the page, so a Hebrew or Arabic name also begins next to its icon. The inner
 * `bdi` shows the name in its own direction, without an effect on the words around the name.
 *
 * @param {string} filename
 * @returns {HTMLElement}
 */
export function fileName(filename) {
  const shown = element("bdi", { class: "name__shown" }, filename);
  const node = element("span", { class: "name", title: filename }, shown);
  keepEndVisible(node, shown, filename);
  return node;
}
