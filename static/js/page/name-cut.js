import { element, setText } from "./dom.js";

const TAIL = 10; // characters at the end that stay visible
const ELLIPSIS = "…";
/** With this class, CSS cuts the end of a text that is too wide. The class changes the widths that a range measures. */
const CUT_AT_END = "name__shown--cut";
const ELLIPSIS_EM = 1.5; // space for the ellipsis, in font sizes; Arabic letters before an ellipsis can become wider
/** Invisible characters that change the direction of all text after them. A cut would separate them from this text. */
const CONTROLS = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

/** @type {WeakMap<Element, Cut>} */
const cuts = new WeakMap();

/** @type {ResizeObserver | undefined} */
let observer;

/**
 * Shorten the shown name in the middle while it is wider than its place. CSS alone cannot do this for both directions of
 * text, and leaves a gap before the end of the name.
 *
 * @param {HTMLElement} node the place of the name
 * @param {HTMLElement} shown contains the name as text
 * @param {string} filename
 */
export function keepEndVisible(node, shown, filename) {
  if (filename.length <= TAIL * 2 || CONTROLS.test(filename)) return shown.classList.add(CUT_AT_END);
  cuts.set(node, new Cut(node, shown, filename));
  observer ??= observeSizes();
  observer.observe(node);
}

function observeSizes() {
  // A font that arrives later changes the width of the names.
  document.fonts.addEventListener("loadingdone", () => fit([...document.querySelectorAll(".name")]));
  return new ResizeObserver((entries) => fit(entries.map(({ target }) => target)));
}

/**
 * Fit all these names. All reads come between the two groups of writes, so the browser lays out the page only twice.
 *
 * @param {Element[]} nodes
 */
function fit(nodes) {
  const all = nodes.map((node) => cuts.get(node)).filter((cut) => cut !== undefined);
  for (const cut of all) cut.showWhole();
  const tooWide = all.filter((cut) => cut.isTooWide());
  const texts = tooWide.map((cut) => cut.shortened());
  for (const [index, cut] of tooWide.entries()) cut.showShort(texts[index]);
}

/** The shown text of one name. */
class Cut {
  #node;
  #shown;
  #filename;
  /** Screen readers get the whole name from this hidden element while the shown text is cut. */
  #whole;

  /**
   * @param {HTMLElement} node
   * @param {HTMLElement} shown
   * @param {string} filename
   */
  constructor(node, shown, filename) {
    this.#node = node;
    this.#shown = shown;
    this.#filename = filename;
    this.#whole = element("span", { class: "visually-hidden" }, filename);
  }

  showWhole() {
    this.#shown.classList.remove(CUT_AT_END);
    this.#shown.removeAttribute("aria-hidden");
    this.#whole.remove();
    setText(this.#shown, this.#filename);
  }

  /** @param {string} text */
  showShort(text) {
    this.#shown.classList.add(CUT_AT_END);
    if (text === this.#filename) return;
    setText(this.#shown, text);
    this.#shown.setAttribute("aria-hidden", "true");
    this.#node.append(this.#whole);
  }

  /** Return whether the whole name, which is shown now, is wider than its place. */
  isTooWide() {
    const { clientWidth } = this.#node;
    return clientWidth > 0 && this.#width(0, this.#filename.length) > clientWidth;
  }

  /** Return the longest short form that fits in the place. Call this method while the whole name is shown. */
  shortened() {
    const name = this.#filename;
    const borders = characterBorders(name);
    if (borders.length <= TAIL * 2) return name;
    const tail = borders[borders.length - 1 - TAIL];
    const ellipsis = parseFloat(getComputedStyle(this.#shown).fontSize) * ELLIPSIS_EM;
    const free = this.#node.clientWidth - ellipsis - this.#width(tail, name.length);
    const end = longest(borders.slice(0, -TAIL), (border) => this.#width(0, border) <= free);
    return end === 0 ? name : `${name.slice(0, end).trimEnd()}${ELLIPSIS}${name.slice(tail).trimStart()}`;
  }

  /**
   * Return the width of a part of the shown name. If the name goes in two directions, the browser may draw this part in
   * several pieces.
   *
   * @param {number} start
   * @param {number} end
   */
  #width(start, end) {
    const range = new Range();
    const text = /** @type {Text} */ (this.#shown.firstChild);
    range.setStart(text, start);
    range.setEnd(text, end);
    return [...range.getClientRects()].reduce((sum, { width }) => sum + width, 0);
  }
}

/**
 * Return the last border that fits. `borders` is in ascending order and begins with 0, which always fits.
 *
 * @param {number[]} borders
 * @param {(border: number) => boolean} fits
 */
export function longest(borders, fits) {
  let low = 0;
  let high = borders.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(borders[middle])) low = middle;
    else high = middle - 1;
  }
  return borders[low];
}

/**
 * Return the indexes between the characters that a person sees, from 0 to the length. An accent belongs to its letter, and
 * a joined emoji is one character. Old browsers cannot find these characters, so they get no border inside the text.
 *
 * @param {string} text
 */
export function characterBorders(text) {
  if (!("Segmenter" in Intl)) return [0, /** @type {string} */ (text).length];
  return [...new Intl.Segmenter().segment(text)].map(({ index }) => index).concat(text.length);
}
