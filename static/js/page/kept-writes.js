import { writeAgain } from "./kept-access.js";

/**
 * @typedef {import("./kept-files.js").Entry} Entry
 * @typedef {import("./kept-store.js").KeptSource} KeptSource
 * @typedef {import("./kept-store.js").KeptNote} KeptNote
 * @typedef {{source: KeptSource, entry: Entry}} Waiting
 */

const MOST_AT_ONCE = 100;
const MOST_BYTES_AT_ONCE = 16 * 1024 * 1024;
const PAUSE_MS = 500; // pause between two writes, so that one write contains the changes of many files
const SHORT_PAUSE_MS = 50; // pause while files wait to be stored, because a reload would lose them

/** Collects the changes of kept files, and writes them to the browser's storage in batches, one after the other. */
export class KeptWrites {
  #parts;
  /** @type {Waiting[]} */
  #sources = [];
  /** @type {Map<string, KeptNote>} */
  #notes = new Map();
  /** @type {Set<string>} */
  #gone = new Set();
  #isWriting = false;

  /**
   * @param {{
   *   store: Pick<import("./kept-store.js").KeptStore, "write">,
   *   tabs: Pick<import("./tabs.js").Tabs, "areKnown">,
   *   clock: import("../engine/clock.js").Clock,
   *   hasFew: () => boolean,
   *   onFailed: (entry: Entry) => void,
   * }} parts `hasFew` returns whether few files are stored, so that no pause is needed. `onFailed` gets each file that
   *   could not be stored.
   */
  constructor(parts) {
    this.#parts = parts;
  }

  /**
   * Store a file or its handle.
   *
   * @param {KeptSource} source
   * @param {Entry} entry
   */
  addSource(source, entry) {
    this.#sources.push({ source, entry });
    void this.#write();
  }

  /** @param {KeptNote} note the changed note of a stored file */
  addNote(note) {
    this.#notes.set(note.id, note);
    void this.#write();
  }

  /** @param {string} id the id of a file whose changed note is not needed */
  forgetNote(id) {
    this.#notes.delete(id);
  }

  /** @param {string} id the id of a file to delete */
  remove(id) {
    this.#gone.add(id);
    void this.#write();
  }

  /** Write all changes. Changes during a write are part of the next batch. */
  async #write() {
    if (this.#isWriting) return;
    this.#isWriting = true;
    const { tabs, clock, hasFew } = this.#parts;
    // Without Web Locks, a tab cannot detect other open tabs. Two tabs could then send the same stored file, so store nothing.
    if (await tabs.areKnown()) {
      while (this.#sources.length + this.#notes.size + this.#gone.size > 0) {
        await this.#writeBatch(this.#takeSources());
        if (!hasFew()) await clock.sleep(this.#sources.length > 0 ? SHORT_PAUSE_MS : PAUSE_MS);
      }
    }
    this.#isWriting = false;
  }

  /** Take the last files first, because the uploads of the first files end soon. Leave out files whose uploads have ended. */
  #takeSources() {
    this.#sources = this.#sources.filter(({ entry }) => entry.status === "kept");
    const { length } = this.#sources;
    let [bytes, start] = [0, length];
    while (start > 0 && length - start < MOST_AT_ONCE) {
      bytes += this.#sources[start - 1].entry.copied;
      if (start < length && bytes > MOST_BYTES_AT_ONCE) break;
      start -= 1;
    }
    return this.#sources.splice(start);
  }

  /** @param {Waiting[]} batch */
  async #writeBatch(batch) {
    const { store, clock, onFailed } = this.#parts;
    // Write the note of a waiting file together with the file. A note with its own record would stay if the file is packed.
    const [waiting, gone] = [new Set(this.#sources.map(({ entry }) => entry.note.id)), [...this.#gone]];
    const notes = new Map([...this.#notes].filter(([id]) => !waiting.has(id)));
    for (const { entry } of batch) notes.set(entry.note.id, entry.note);
    for (const id of gone) notes.delete(id);
    this.#notes.clear();
    this.#gone.clear();
    try {
      await writeAgain(store, { sources: batch.map(({ source }) => source), notes: [...notes.values()], gone }, clock);
    } catch {
      // A file cannot be read, or the storage is full. Write the changes without the files of this batch.
      for (const { entry } of batch) notes.delete(entry.note.id);
      for (const { entry } of batch) if (entry.status === "kept") onFailed(entry);
      await store.write({ notes: [...notes.values()], gone }).catch(() => {});
    }
  }
}
