import { Stopped } from "./lanes.js";
import { UploadError } from "./errors.js";

const BASE_MS = 500;
const CAP_MS = 120_000;
const FLOOR_MS = 50;
const MAX_ATTEMPTS = 14; // about eight minutes of trouble on one request, time spent offline not counted

/**
 * Repeats what may succeed when repeated: exponential backoff with full jitter.
 *
 * Waits while offline without counting, and goes on as soon as the network is back. It never retries sooner than the
 * other side's Retry-After says. Calls with a limit of attempts do not wait for the network: somebody waits for them.
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
   * @param {{signal?: AbortSignal, attempts?: number}} [options] `attempts`: by default as many as help
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
        if (error instanceof Stopped) continue; // the body waits for its next turn, which is no failure
        if (!(error instanceof UploadError)) throw error;
        this.#note(error);
        if (!error.retryable) throw error;
        if (isPatient && this.#connectivity.offline) continue; // the failure is explained: no attempt lost
        failures += 1;
        if (failures >= (attempts ?? MAX_ATTEMPTS)) throw error;
        await this.#wait(failures, error.retryAfter, signal);
      }
    }
  }

  /**
   * Try once more, a moment after a refusal that came in the answer to another request; throw a final refusal.
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

  /** @param {UploadError} error which may tell whether anybody answered */
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
