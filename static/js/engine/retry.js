import { UploadError } from "./errors.js";
import { linkedController } from "./abort.js";

const BASE_MS = 500;
const CAP_MS = 120_000;
const FLOOR_MS = 50;
const MAX_ATTEMPTS = 14; // about eight minutes of trouble on one request, time spent offline not counted

/**
 * Repeats what may succeed when repeated: exponential backoff with full jitter.
 *
 * Waits while offline without counting, goes on as soon as the network is back,
 * and never sooner than the other side's Retry-After says.
 */
export class Retry {
  #clock;
  #connectivity;
  #random;

  /**
   * @param {{
   *   clock: import("./clock.js").Clock,
   *   connectivity: import("./connectivity.js").Connectivity,
   *   random?: () => number,
   * }} parts
   */
  constructor({ clock, connectivity, random = Math.random }) {
    this.#clock = clock;
    this.#connectivity = connectivity;
    this.#random = random;
  }

  /**
   * Return what `attempt` returns, once it succeeds; throw its error when that is final.
   *
   * @template T
   * @param {() => Promise<T>} attempt
   * @param {{signal?: AbortSignal, attempts?: number, isRetryable?: (error: UploadError) => boolean}} [options]
   * @returns {Promise<T>}
   */
  async run(attempt, { signal, attempts = MAX_ATTEMPTS, isRetryable = (error) => error.retryable } = {}) {
    for (let failures = 0; ; ) {
      await this.#connectivity.whenOnline(signal);
      signal?.throwIfAborted();
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof UploadError) || !isRetryable(error)) throw error;
        if (!this.#connectivity.online) continue; // the failure is explained: no attempt lost
        failures += 1;
        if (failures >= attempts) throw error;
        await this.#wait(failures, error.retryAfter, signal);
      }
    }
  }

  /**
   * @param {number} failures
   * @param {number | undefined} retryAfter seconds
   * @param {AbortSignal} [signal]
   */
  async #wait(failures, retryAfter, signal) {
    const ceiling = Math.min(CAP_MS, BASE_MS * 2 ** (failures - 1));
    const jitter = FLOOR_MS + this.#random() * ceiling;
    if (retryAfter) return this.#clock.sleep(retryAfter * 1000 + jitter, signal);
    const either = linkedController(signal ?? new AbortController().signal);
    const { signal: ended } = either.controller;
    try {
      await Promise.race([this.#clock.sleep(jitter, ended), this.#connectivity.nextOnline(ended)]);
    } finally {
      either.controller.abort();
      either.release();
    }
  }
}
