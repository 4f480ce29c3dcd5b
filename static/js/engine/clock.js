import { untilAborted } from "./abort.js";

/**
 * Time that only moves forward and counts sleep.
 *
 * The wall clock may be set back, and `performance.now()` stands still while some machines sleep;
 * between two readings the larger step of the two counts. Milliseconds from an arbitrary origin.
 */
export class Clock {
  #elapsed = 0;
  #wall = Date.now();
  #steady = performance.now();

  now() {
    const wall = Date.now();
    const steady = performance.now();
    this.#elapsed += Math.max(wall - this.#wall, steady - this.#steady, 0);
    this.#wall = wall;
    this.#steady = steady;
    return this.#elapsed;
  }

  /**
   * @param {() => void} callback
   * @param {number} milliseconds
   * @returns {() => void} cancels it
   */
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  }

  /**
   * @param {number} milliseconds
   * @param {AbortSignal} [signal]
   * @returns {Promise<void>}
   */
  async sleep(milliseconds, signal) {
    let cancel = () => {};
    const slept = new Promise((resolve) => {
      cancel = this.after(milliseconds, () => resolve(undefined));
    });
    await untilAborted(slept, signal).finally(() => cancel());
  }
}
