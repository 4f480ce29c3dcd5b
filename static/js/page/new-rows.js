import { element, setText } from "./dom.js";
import { everyFrame } from "./picker/frame.js";
import { plural } from "./format.js";

/** @typedef {import("../engine/api.js").UploadRecord} UploadRecord */

const MOST_ROWS = 50; // maximum number of rows for new files of one batch
const MOST_ROWS_A_FRAME = 5;
const MOST_ANIMATED = 10;
const COUNT_MS = 500;

/**
 * Draws rows for the first 50 new files of a batch, and counts the other new files.
 *
 * Drawing 10,000 rows would take longer than uploading 10,000 small files. The person can press a button to see the
 * other files. After the batch, if the person is not using the list, the page reads it again from the server.
 */
export class NewRows {
  #insert;
  #showAll;
  /** @type {UploadRecord[]} */
  #waiting = [];
  #inserted = 0;
  #counted = 0;
  #button;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #insertSoon;

  /**
   * @param {{
   *   insert: (record: UploadRecord, isAnimated: boolean) => void,
   *   showAll: () => void,
   *   nextFrame?: (act: () => void) => () => void,
   * }} parts `insert` draws a row; `showAll` reads the list again
   */
  constructor({ insert, showAll, nextFrame = everyFrame }) {
    this.#insert = insert;
    this.#showAll = showAll;
    this.#insertSoon = nextFrame(() => this.#insertSome());
    this.#button = element("button", { class: "button button--quiet", type: "button", onclick: () => this.#showAll() });
    this.node = element("p", { class: "files__newer", hidden: true }, this.#button);
  }

  /** Number of new files without a row. */
  get counted() {
    return this.#counted;
  }

  /** @param {UploadRecord} record */
  add(record) {
    if (this.#inserted + this.#waiting.length >= MOST_ROWS) return this.#count();
    this.#waiting.push(record);
    this.#insertSoon();
  }

  /**
   * Subtract the files that have a row now, because the page has read the list again.
   *
   * @param {number} counted the value of `counted` when the request for the list started
   */
  shown(counted) {
    this.#counted -= counted;
    this.#render();
  }

  /** Record that the batch has ended, so that the next batch gets 50 rows again. */
  end() {
    this.#inserted = 0;
  }

  #insertSome() {
    const isCalm = this.#waiting.length <= MOST_ANIMATED; // while many files arrive, animations would slow the page
    for (const record of this.#waiting.splice(0, MOST_ROWS_A_FRAME)) {
      this.#insert(record, isCalm && this.#inserted < MOST_ANIMATED);
      this.#inserted += 1;
    }
    if (this.#waiting.length > 0) this.#insertSoon();
  }

  #count() {
    this.#counted += 1;
    this.#timer ??= setTimeout(() => this.#render(), COUNT_MS);
  }

  #render() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.node.hidden = this.#counted === 0;
    setText(this.#button, `Show ${plural(this.#counted, "more new file")}`);
  }
}
