import { element, setText } from "./dom.js";
import { everyFrame } from "./picker/frame.js";
import { plural } from "./format.js";
import { everyTick } from "./tick.js";

/** @typedef {import("../engine/api.js").UploadRecord} UploadRecord */

const MOST_ROWS = 50; // maximum number of rows for new files of one batch
const ROWS_OF_MANY = 10; // maximum number of these rows, if the batch is known to have more than MOST_ROWS files
const MOST_ROWS_A_FRAME = 5;
const MOST_ANIMATED = 10;
const MOST_REMEMBERED = 100;

/**
 * Draws a row for each new file of a batch. If a batch has more than 50 files, draws 10 to 50 rows, and counts the other
 * new files.
 *
 * Drawing 10,000 rows would take longer than uploading 10,000 small files. After the batch, the page reads the list again
 * from the server. If the person is using the list, the page does not replace it, and shows a button for this. There is no
 * button during the batch, because the newest uploads are then unfinished and have no rows.
 */
export class NewRows {
  #insert;
  #showAll;
  #batchSize;
  /** @type {{record: UploadRecord, place: number}[]} `place`: the place of the file in the order of choosing */
  #waiting = [];
  #granted = 0; // rows of this batch that are drawn or waiting
  #inserted = 0;
  /** @type {Set<string>} the ids of the new files without a row */
  #counted = new Set();
  /** @type {Map<string, number>} the place of each file whose row was drawn last, by upload id */
  #drawn = new Map();
  #words = element("span");
  #button;
  #insertSoon;
  #renderSoon;

  /**
   * @param {{
   *   insert: (record: UploadRecord, isAnimated: boolean, above: string | null) => void,
   *   showAll: () => void,
   *   batchSize?: () => number,
   *   nextFrame?: (act: () => void) => () => void,
   *   nextTick?: (act: () => void) => () => void,
   * }} parts `insert` draws a row below the row of the upload `above`, or as the first row; `showAll` reads the list
   *   again; `batchSize` returns the number of files that are being uploaded together
   */
  constructor({ insert, showAll, batchSize = () => 0, nextFrame = everyFrame, nextTick = everyTick }) {
    this.#insert = insert;
    this.#showAll = showAll;
    this.#batchSize = batchSize;
    this.#insertSoon = nextFrame(() => this.#insertSome());
    this.#renderSoon = nextTick(() => this.#render());
    this.#button = element("button", { class: "button button--quiet", type: "button", onclick: () => this.#showAll() });
    setText(this.#button, "Show the new files");
    this.node = element("p", { class: "files__newer", hidden: true }, this.#words, this.#button);
  }

  get #isLarge() {
    return this.#batchSize() > MOST_ROWS;
  }

  /** Number of new files without a row. */
  get counted() {
    return this.#counted.size;
  }

  /**
   * @param {UploadRecord} record
   * @param {number} [place] the place of the file in the order of choosing
   */
  add(record, place = Infinity) {
    if (this.#granted < (this.#isLarge ? ROWS_OF_MANY : MOST_ROWS)) {
      this.#granted += 1;
      this.#waiting.push({ record, place });
      this.#insertSoon();
      return;
    }
    for (const { id } of [...this.#waiting.splice(ROWS_OF_MANY).map((one) => one.record), record]) this.#counted.add(id);
    this.#renderSoon();
  }

  /** @returns {Set<string>} the ids of all new files that have no row yet */
  get ids() {
    return new Set([...this.#counted, ...this.#waiting.map(({ record }) => record.id)]);
  }

  /**
   * Forget files, because the list was read again or has their rows now.
   *
   * @param {Iterable<string>} ids
   */
  forget(ids) {
    const gone = new Set(ids);
    this.#waiting = this.#waiting.filter(({ record }) => !gone.has(record.id));
    const before = this.#counted.size;
    for (const id of gone) this.#counted.delete(id);
    if (this.#counted.size !== before) this.#render();
  }

  /** Record that the batch has ended, so that the next batch gets 50 rows again. */
  end() {
    this.#granted = 0;
    this.#inserted = 0;
    this.#render();
  }

  #insertSome() {
    // While many files arrive, animations would slow the page.
    const isCalm = !this.#isLarge && this.#waiting.length <= MOST_ANIMATED;
    for (const { record, place } of this.#waiting.splice(0, MOST_ROWS_A_FRAME)) {
      this.#insert(record, isCalm && this.#inserted < MOST_ANIMATED, this.#above(place));
      this.#drawn.set(record.id, place);
      this.#inserted += 1;
    }
    if (this.#waiting.length > 0) return this.#insertSoon();
    this.#drawn = new Map([...this.#drawn].slice(-MOST_REMEMBERED));
  }

  /**
   * Return the drawn upload that belongs directly above a new row. The newest files are at the top, as in the server's
   * list, also if files arrive in another order than the person chose them.
   *
   * @param {number} place
   */
  #above(place) {
    const newer = [...this.#drawn].filter(([, drawn]) => drawn > place);
    return newer.length > 0 ? newer.reduce((one, other) => (other[1] < one[1] ? other : one))[0] : null;
  }

  #render() {
    this.node.hidden = this.#counted.size === 0;
    this.#button.hidden = this.#granted > 0; // the batch has not ended
    setText(this.#words, plural(this.#counted.size, "more new file"));
  }
}
