/**
 * A queue in which owners take turns. After an entry of one owner, an entry of the next owner follows.
 *
 * @template T
 */
export class FairQueue {
  /** @type {Map<object, Set<T>>} the entries of each owner; the first owner is served next */
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
   * Remove and return the next entry for which `mayGo` returns true. Skipped entries keep their places.
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
        if (mine.size > 0) this.#entries.set(owner, mine); // move this owner to the end of the queue
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
