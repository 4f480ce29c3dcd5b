import { FairQueue } from "./fair-queue.js";

const CALM_MS = 2_000; // several refusals within this time are one message
const SLOW_MS = 60_000; // a body that takes longer has too many others beside it
const MIN_LANES_WHEN_SLOW = 2;

/** @typedef {{owner: object, start: () => void}} Waiting */

/**
 * Bounds how many bodies travel at once, over all files, and gives each file its turn.
 *
 * Fewer lanes when S3 pushes back (half) or when bodies crawl (one less, so that a broken
 * connection costs less); one more after as many good deliveries as there are lanes.
 */
export class Lanes {
  #clock;
  #max;
  #limit;
  #active = 0;
  #good = 0;
  #pushedBackAt = -Infinity;
  /** @type {FairQueue<Waiting>} */
  #queue = new FairQueue();

  /** @param {{clock: import("./clock.js").Clock, max?: number}} parts */
  constructor({ clock, max = 6 }) {
    this.#clock = clock;
    this.#max = max;
    this.#limit = max;
  }

  get limit() {
    return this.#limit;
  }

  get active() {
    return this.#active;
  }

  /** Whether somebody waits for a lane. */
  get crowded() {
    return !this.#queue.isEmpty;
  }

  /**
   * Run `task` as soon as a lane is free and `owner` is due; return what it returns.
   *
   * @template T
   * @param {object} owner
   * @param {AbortSignal} signal ends the wait for a lane
   * @param {() => Promise<T>} task
   * @returns {Promise<T>}
   */
  async run(owner, signal, task) {
    await this.#enter(owner, signal);
    try {
      signal.throwIfAborted();
      return await task();
    } finally {
      this.#active -= 1;
      this.#fill();
    }
  }

  /** S3 asked for fewer requests, or a connection stalled. */
  pushBack() {
    this.#good = 0;
    const now = this.#clock.now();
    if (now - this.#pushedBackAt < CALM_MS) return;
    this.#pushedBackAt = now;
    this.#limit = Math.max(1, Math.floor(this.#limit / 2));
  }

  /** @param {number} milliseconds how long a delivered body took */
  delivered(milliseconds) {
    const slow = milliseconds > SLOW_MS;
    this.#good = slow ? Math.min(this.#good, 0) - 1 : Math.max(this.#good, 0) + 1;
    if (Math.abs(this.#good) < this.#limit) return;
    this.#good = 0;
    if (slow) this.#limit = Math.max(Math.min(this.#limit, MIN_LANES_WHEN_SLOW), this.#limit - 1);
    else this.#limit = Math.min(this.#max, this.#limit + 1);
    this.#fill();
  }

  /**
   * @param {object} owner
   * @param {AbortSignal} signal
   * @returns {Promise<void>}
   */
  #enter(owner, signal) {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const abort = () => {
        this.#queue.remove(owner, waiting);
        reject(signal.reason);
      };
      const waiting = {
        owner,
        start: () => {
          signal.removeEventListener("abort", abort);
          resolve();
        },
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#queue.add(owner, waiting);
      this.#fill();
    });
  }

  #fill() {
    while (this.#active < this.#limit) {
      const next = this.#queue.take();
      if (!next) return;
      this.#active += 1;
      next.start();
    }
  }
}
