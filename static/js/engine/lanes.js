import { FairQueue } from "./fair-queue.js";
import { Pace } from "./pace.js";

const CALM_MS = 2_000; // several calls of `pushBack` within this time count as one

/**
 * @typedef {{size: number, stop: () => void, start: (flight: import("./pace.js").Flight) => void}} Waiting
 * @typedef {{moved: (sent: number) => void, delivered: () => void, signal: AbortSignal}} Report
 *   `sent`: bytes of this body that were sent so far. `signal` aborts with Stopped if the body must stop, so that other
 *   bodies are sent first.
 */

/** `Pace` stopped this body, so that other bodies are sent first. The body must be sent again. */
export class Stopped extends Error {}

/**
 * Limits how many bodies are sent at the same time. A body is the content of one PUT, and a lane is a permitted
 * parallel connection. Files take turns.
 *
 * If S3 asks for fewer requests, the number of lanes is halved. With n lanes, the number grows by one after n
 * successful bodies in a row. `Pace` decides from the speed how many lanes large bodies use.
 */
export class Lanes {
  #clock;
  #max;
  #limit;
  #pace;
  #active = 0;
  #good = 0;
  #pushedBackAt = -Infinity;
  /** @type {FairQueue<Waiting>} */
  #queue = new FairQueue();

  /** @param {{clock: import("./clock.js").Clock, max?: number, pace?: Pace}} parts */
  constructor({ clock, max = 6, pace = new Pace({ clock }) }) {
    this.#clock = clock;
    this.#max = max;
    this.#limit = max;
    this.#pace = pace;
  }

  get limit() {
    return this.#limit;
  }

  get active() {
    return this.#active;
  }

  /** True if a body waits for a lane. */
  get crowded() {
    return !this.#queue.isEmpty;
  }

  /**
   * Wait until a lane is free, `Pace` allows one more body, and it is the turn of `owner`. Then run `task`, and return
   * its result.
   *
   * @template T
   * @param {object} owner
   * @param {AbortSignal} signal ends the wait for a lane
   * @param {(report: Report) => Promise<T>} task sends the body, and reports its progress
   * @param {number} [size] size of the body in bytes
   * @returns {Promise<T>}
   */
  async run(owner, signal, task, size = 0) {
    const room = new AbortController();
    const flight = await this.#enter(owner, signal, size, () => room.abort(new Stopped()));
    try {
      signal.throwIfAborted();
      return await task({
        moved: (sent) => {
          this.#pace.moved(flight, sent);
          this.#fill();
        },
        delivered: () => this.#delivered(),
        signal: AbortSignal.any([signal, room.signal]),
      });
    } finally {
      this.#pace.end(flight);
      this.#active -= 1;
      this.#fill();
    }
  }

  /** Halve the number of lanes, because S3 asked for fewer requests or a connection stalled. */
  pushBack() {
    this.#good = 0;
    const now = this.#clock.now();
    if (now - this.#pushedBackAt < CALM_MS) return;
    this.#pushedBackAt = now;
    this.#limit = Math.max(1, Math.floor(this.#limit / 2));
  }

  #delivered() {
    this.#good += 1;
    if (this.#good < this.#limit) return;
    this.#good = 0;
    this.#limit = Math.min(this.#max, this.#limit + 1);
  }

  /**
   * @param {object} owner
   * @param {AbortSignal} signal
   * @param {number} size
   * @param {() => void} stop
   * @returns {Promise<import("./pace.js").Flight>}
   */
  #enter(owner, signal, size, stop) {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const abort = () => {
        this.#queue.remove(owner, waiting);
        reject(signal.reason);
      };
      /** @type {Waiting} */
      const waiting = {
        size,
        stop,
        start: (flight) => {
          signal.removeEventListener("abort", abort);
          resolve(flight);
        },
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#queue.add(owner, waiting);
      this.#fill();
    });
  }

  #fill() {
    while (this.#active < this.#limit) {
      const { hasRoom } = this.#pace;
      const next = this.#queue.take(({ size }) => hasRoom || !Pace.isLarge(size));
      if (!next) return;
      this.#active += 1;
      next.start(this.#pace.begin(next.size, next.stop));
    }
  }
}
