const NAME = "slipway-fast-line";
const VALID_MS = 24 * 3_600_000; // short, because a laptop may be on another line tomorrow

/**
 * Remembers in this browser whether uploads were fast. If they were, the next visit need not measure the line before it
 * uses all lanes.
 */
export class LineMemory {
  #storage;
  #now;

  /** @param {Pick<Storage, "getItem" | "setItem" | "removeItem"> | undefined} storage undefined if the browser forbids it */
  constructor(storage, now = () => Date.now()) {
    this.#storage = storage;
    this.#now = now;
  }

  get isFast() {
    try {
      return this.#now() - Number(this.#storage?.getItem(NAME)) < VALID_MS;
    } catch {
      return false;
    }
  }

  set isFast(isFast) {
    try {
      if (isFast) this.#storage?.setItem(NAME, String(this.#now()));
      else this.#storage?.removeItem(NAME);
    } catch {
      // The storage is full or forbidden. The next visit measures the line again.
    }
  }
}
