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
   * Remove and return the next entry for which `mayGo` is true. The entries before it keep their places.
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
        if (mine.size > 0) this.#entries.set(owner, mine); // this owner goes to the end of the queue
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
