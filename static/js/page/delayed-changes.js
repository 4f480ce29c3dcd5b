const REST_MS = 1200;

/**
 * Delays changes while the pointer moves over an area, so that the element under the pointer does not move away.
 *
 * @template Change
 */
export class DelayedChanges {
  #apply;
  /** @type {Change[]} */
  #waiting = [];
  #movedAt = -Infinity;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {HTMLElement} area
   * @param {(change: Change) => void} apply
   */
  constructor(area, apply) {
    this.#apply = apply;
    area.addEventListener("pointermove", () => {
      this.#movedAt = performance.now();
    });
    area.addEventListener("pointerleave", () => {
      this.#movedAt = -Infinity;
      this.#flush();
    });
  }

  /** @param {Change} change applied in order, at once or when the pointer stops */
  push(change) {
    this.#waiting.push(change);
    this.#flush();
  }

  #flush() {
    const rest = this.#movedAt + REST_MS - performance.now();
    clearTimeout(this.#timer);
    if (rest > 0) {
      this.#timer = setTimeout(() => this.#flush(), rest);
      return;
    }
    for (const change of this.#waiting.splice(0)) this.#apply(change);
  }
}
