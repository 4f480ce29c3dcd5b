import { Emitter } from "../../engine/emitter.js";
import { admit } from "./admission.js";
import { fromFiles, readRoots } from "./incoming.js";

/**
 * @typedef {import("./admission.js").Admitted} Admitted
 * @typedef {import("./walk.js").Walked} Walked
 */

/**
 * Takes files from drops, pastes and file inputs. Each drop, paste or use of an input is one choice.
 *
 * Processes one choice after the other, and emits `admitted` with the result of each choice. While it reads dropped
 * folders, it emits `reading` with the number of files found so far, and null at the end.
 *
 * @extends {Emitter<{reading: number | null, admitted: Admitted}>}
 */
export class Picker extends Emitter {
  #parts;
  /** @type {Promise<void>} */
  #last = Promise.resolve();
  /** @type {Map<object, number>} number of files found so far, for each drop that is being read */
  #walks = new Map();

  /** @param {import("./admission.js").Parts} parts */
  constructor(parts) {
    super();
    this.#parts = parts;
  }

  /** @param {import("./walk.js").Root[]} roots from a drop or a paste */
  async takeRoots(roots) {
    const walk = {};
    this.#note(walk, 0);
    const walked = await readRoots(roots, (files) => this.#note(walk, files));
    this.#walks.delete(walk);
    this.emit("reading", this.#count());
    return this.#admit(walked);
  }

  /**
   * @param {Iterable<File>} files from a file input or `showOpenFilePicker`
   * @param {string[]} [unreadable] names of files that could not be read
   */
  takeFiles(files, unreadable = []) {
    return this.#admit(fromFiles(files, unreadable));
  }

  /** Emit the result for a chosen folder without files. */
  takeEmptyFolder() {
    return this.#admit({ found: [], unreadable: [], empty: ["the chosen folder"] });
  }

  /** @param {Walked | Promise<Walked>} walked */
  #admit(walked) {
    const before = this.#last.catch(() => {}); // process this choice even if the previous choice failed
    this.#last = before.then(async () => this.emit("admitted", await admit(await walked, this.#parts)));
    return this.#last;
  }

  /**
   * @param {object} walk
   * @param {number} files
   */
  #note(walk, files) {
    this.#walks.set(walk, files);
    this.emit("reading", this.#count());
  }

  /** @returns {number | null} number of files found so far in all drops, or null if no drop is being read */
  #count() {
    if (this.#walks.size === 0) return null;
    return [...this.#walks.values()].reduce((sum, files) => sum + files, 0);
  }
}
