import { untilAborted } from "./abort.js";

/**
 * A clock in milliseconds that starts at 0. It never goes back, and it also counts the time while the machine sleeps.
 *
 * `Date.now()` may go back when somebody sets the time. `performance.now()` stops during sleep on some machines.
 * So `now` reads these two clocks, and advances by the larger of the two differences since the last call.
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
   * @returns {() => void} cancels the timer
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
