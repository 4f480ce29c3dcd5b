const REST_MS = 1200;

/**
 * Delays changes of a list while the pointer moves over it. Otherwise a new row could move another row under the
 * pointer just before a click.
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

  /**
   * Apply the change at once. If the pointer has just moved over the list, first wait until the pointer has not moved for
   * REST_MS or has left the list. Changes keep their order.
   *
   * @param {Change} change
   */
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
