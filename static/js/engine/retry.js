import { Stopped } from "./lanes.js";
import { UploadError } from "./errors.js";

const BASE_MS = 500;
const CAP_MS = 120_000;
const FLOOR_MS = 50;
const MAX_ATTEMPTS = 14; // about eight minutes for one request, plus the time offline

/**
 * Retries requests with exponential backoff and full jitter (a random pause up to the limit).
 *
 * If the server sends `Retry-After`, the retry waits at least that long. Failures while offline do not count as
 * attempts. When the network works again, retries start at once.
 *
 * Calls with the option `attempts` differ, because a person waits for their result. They do not wait for the network,
 * and every failure counts.
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
   * Call `attempt` until it succeeds, and return its result. Throw its error after the last attempt, or at once if a
   * retry cannot help.
   *
   * @template T
   * @param {() => Promise<T>} attempt
   * @param {{signal?: AbortSignal, attempts?: number}} [options] `attempts`: maximum number of attempts, in
   *   which every failure counts. Without it, the maximum is MAX_ATTEMPTS, and failures while offline do not count.
   * @returns {Promise<T>}
   */
  async run(attempt, { signal, attempts } = {}) {
    const isPatient = attempts === undefined;
    for (let failures = 0; ; ) {
      if (isPatient) await this.#connectivity.whenOnline(signal);
      signal?.throwIfAborted();
      try {
        const result = await attempt();
        this.#connectivity.answered();
        return result;
      } catch (error) {
        if (error instanceof Stopped) continue; // pace.js stopped this body; `attempt` waits for a free lane and sends it again
        if (!(error instanceof UploadError)) throw error;
        this.#note(error);
        if (!error.retryable) throw error;
        if (isPatient && this.#connectivity.offline) continue; // do not count failures while offline
        failures += 1;
        if (failures >= (attempts ?? MAX_ATTEMPTS)) throw error;
        await this.#wait(failures, error.retryAfter, signal);
      }
    }
  }

  /**
   * Retry an item that the server refused in the response to a batch. Call `again` once, after a pause. Throw `refusal`
   * if a retry cannot help.
   *
   * @template T
   * @param {UploadError} refusal
   * @param {() => Promise<T>} again
   * @returns {Promise<T>}
   */
  async after(refusal, again) {
    this.#note(refusal);
    if (!refusal.retryable) throw refusal;
    await this.#wait(1, refusal.retryAfter);
    return again();
  }

  /**
   * Tell `Connectivity` whether a server has responded.
   *
   * @param {UploadError} error
   */
  #note(error) {
    const { status } = /** @type {{status?: number}} */ (error);
    if (status) this.#connectivity.answered();
    else if (status === 0 && error.retryable) this.#connectivity.unanswered();
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
    const over = new AbortController();
    const either = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
    try {
      await Promise.race([this.#clock.sleep(jitter, either), this.#connectivity.nextOnline(either)]);
    } finally {
      over.abort();
    }
  }
}
