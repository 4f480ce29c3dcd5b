import { ApiError } from "./errors.js";
import { Gather } from "./gather.js";

/**
 * @typedef {import("./api.js").Declaration} Declaration
 * @typedef {import("./api.js").UploadRecord} UploadRecord
 * @typedef {{declaration: Declaration, key: string}} Start
 */

const MAX_STARTS = 100;
const MAX_COMPLETIONS = 100;

/** Starts and completes the uploads of small files in groups, with one request for up to 100 files. Each file has its own result. */
export class Batch {
  #api;
  #retry;
  /** @type {Gather<Start, UploadRecord>} */
  starts;
  /** @type {Gather<string, UploadRecord>} */
  completions;

  /**
   * @param {{
   *   api: import("./api.js").Api,
   *   retry: import("./retry.js").Retry,
   *   clock: import("./clock.js").Clock,
   *   expectsMore: () => boolean,
   * }} parts `expectsMore` returns whether more files wait to be sent
   */
  constructor({ api, retry, clock, expectsMore }) {
    this.#api = api;
    this.#retry = retry;
    this.starts = new Gather({ clock, expectsMore, max: MAX_STARTS, send: (starts) => this.#start(starts) });
    this.completions = new Gather({ clock, expectsMore, max: MAX_COMPLETIONS, tapers: true, send: (ids) => this.#complete(ids) });
  }

  /**
   * Start a group of uploads. Each start has its own key, so that a retry finds the upload if the response was lost.
   *
   * @param {Start[]} starts
   * @returns {Promise<Promise<UploadRecord>[]>}
   */
  async #start(starts) {
    const startOne = (/** @type {Start} */ { declaration, key }) => this.#api.start(declaration, key);
    if (starts.length === 1) return starts.map(startOne);
    try {
      const results = await this.#api.startBatch(starts.map(({ declaration, key }) => ({ ...declaration, idempotency_key: key })));
      return starts.map((start, index) => this.#outcome(results[index], () => startOne(start)));
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 422)) throw error;
      return starts.map(startOne); // the server refused the batch, because an item is invalid or the batch is too large
    }
  }

  /**
   * @param {string[]} ids
   * @returns {Promise<Promise<UploadRecord>[]>}
   */
  async #complete(ids) {
    if (ids.length === 1) return [this.#api.complete(ids[0])];
    try {
      const results = await this.#api.completeBatch(ids);
      return ids.map((id, index) => this.#outcome(results[index], () => this.#api.complete(id)));
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 422)) throw error;
      return ids.map((id) => this.#api.complete(id)); // the server refused the batch, because it is too large for the site's rate limit
    }
  }

  /**
   * Return the upload of one item. If the server refused the item and a retry may help, retry this item alone.
   *
   * @param {import("./api.js").BatchResult | undefined} result
   * @param {() => Promise<UploadRecord>} again
   * @returns {Promise<UploadRecord>}
   */
  async #outcome(result, again) {
    if (result?.upload) return result.upload;
    return this.#retry.after(new ApiError(result?.status ?? 0, result?.problem ?? {}), again);
  }
}
