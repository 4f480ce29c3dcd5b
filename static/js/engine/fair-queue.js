/**
 * A queue that serves its owners in turn, and each owner's entries in order.
 *
 * @template T
 */
export class FairQueue {
  /** @type {Map<object, Set<T>>} owners in the order in which they are due */
  #entries = new Map();

  get isEmpty() {
    return this.#entries.size === 0;
  }

  /**
   * @param {object} owner
   * @param {T} entry
   */
  add(owner, entry) {
    const mine = this.#entries.get(owner);
    if (mine) mine.add(entry);
    else this.#entries.set(owner, new Set([entry]));
  }

  /**
   * Return the next entry that may go, taken out; who may not keeps its turn.
   *
   * @param {(entry: T) => boolean} mayGo
   * @returns {T | undefined}
   */
  take(mayGo = () => true) {
    for (const [owner, mine] of this.#entries) {
      for (const entry of mine) {
        if (!mayGo(entry)) continue;
        mine.delete(entry);
        this.#entries.delete(owner);
        if (mine.size > 0) this.#entries.set(owner, mine); // to the end of the line
        return entry;
      }
    }
    return undefined;
  }

  /**
   * @param {object} owner
   * @param {T} entry
   */
  remove(owner, entry) {
    const mine = this.#entries.get(owner);
    mine?.delete(entry);
    if (mine?.size === 0) this.#entries.delete(owner);
  }
}
