import { Stopped } from "./lanes.js";
import { UploadError } from "./errors.js";

const BASE_MS = 500;
const CAP_MS = 120_000;
const FLOOR_MS = 50;
const MAX_ATTEMPTS = 14; // about eight minutes for one request, without the time spent offline

/**
 * Retries requests that may succeed later: exponential backoff with full jitter.
 *
 * The time offline does not count as attempts, and retries go on as soon as the network is back. A retry is never sent
 * before the server's Retry-After. Calls with a limit of attempts do not wait for the network, because a person waits
 * for their result.
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
   * Return the result of `attempt` once it succeeds; throw its error if the error is final.
   *
   * @template T
   * @param {() => Promise<T>} attempt
   * @param {{signal?: AbortSignal, attempts?: number}} [options] `attempts`: by default MAX_ATTEMPTS, plus the wait for the network
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
        if (error instanceof Stopped) continue; // the body gave up its lane and waits for its next turn; this is not a failure
        if (!(error instanceof UploadError)) throw error;
        this.#note(error);
        if (!error.retryable) throw error;
        if (isPatient && this.#connectivity.offline) continue; // being offline explains the failure, so it does not count
        failures += 1;
        if (failures >= (attempts ?? MAX_ATTEMPTS)) throw error;
        await this.#wait(failures, error.retryAfter, signal);
      }
    }
  }

  /**
   * Retry once, a moment after a refusal that was part of the answer to another request. Throw `refusal` if it is final.
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

  /** @param {UploadError} error its status, if any, shows whether a server answered */
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
