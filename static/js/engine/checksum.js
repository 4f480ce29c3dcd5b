import { FairQueue } from "./fair-queue.js";
import { readingError } from "./errors.js";
import { sha256Base64 } from "./sha256.js";

/**
 * @typedef {{
 *   blob: Blob,
 *   resolve: (checksum: string) => void,
 *   reject: (error: unknown) => void,
 * }} Job
 * @typedef {Pick<Worker, "postMessage" | "terminate" | "onmessage" | "onerror">} Hasher
 */

const MAX_WORKERS = 4;

/** Computes checksums off the main thread, a few at a time, each owner in turn. */
export class Checksums {
  #createWorker;
  #size;
  /** @type {Hasher[]} */
  #idle = [];
  #busy = 0;
  /** @type {FairQueue<Job>} */
  #queue = new FairQueue();

  /** @param {{createWorker?: () => Hasher, size?: number}} [parts] without workers, hash in this thread */
  constructor({ createWorker, size = poolSize() } = {}) {
    this.#createWorker = createWorker;
    this.#size = size;
  }

  /**
   * Return base64 of the raw SHA-256 of `blob`.
   *
   * Throws DeliveryError `unreadable` when the file is gone or was changed.
   *
   * @param {Blob} blob
   * @param {object} owner
   * @param {AbortSignal} signal ends the wait, not the work that has begun
   * @returns {Promise<string>}
   */
  checksum(blob, owner, signal) {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const abort = () => {
        this.#queue.remove(owner, job);
        reject(signal.reason);
      };
      const done = () => signal.removeEventListener("abort", abort);
      /** @type {Job} */
      const job = {
        blob,
        resolve: (checksum) => (done(), resolve(checksum)),
        reject: (error) => (done(), reject(readingError(error))),
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#queue.add(owner, job);
      this.#fill();
    });
  }

  #fill() {
    while (this.#busy < this.#size) {
      const job = this.#queue.take();
      if (!job) return;
      this.#busy += 1;
      void this.#work(job);
    }
  }

  /** @param {Job} job */
  async #work(job) {
    try {
      job.resolve(await this.#hash(job.blob));
    } catch (error) {
      job.reject(error);
    } finally {
      this.#busy -= 1;
      this.#fill();
    }
  }

  /** @param {Blob} blob */
  async #hash(blob) {
    const worker = this.#idle.pop() ?? this.#hire();
    if (!worker) return sha256Base64(blob);
    /** @type {{checksum?: string, error?: {name: string, message: string}} | null} */
    const answer = await new Promise((resolve) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => (event.preventDefault?.(), resolve(null));
      worker.postMessage(blob);
    });
    if (!answer) {
      // The script is blocked or out of date: this thread can do the same, only less smoothly.
      worker.terminate();
      this.#createWorker = undefined;
      return sha256Base64(blob);
    }
    this.#idle.push(worker);
    if (answer.checksum) return answer.checksum;
    throw new DOMException(answer.error?.message, answer.error?.name);
  }

  #hire() {
    try {
      return this.#createWorker?.();
    } catch {
      this.#createWorker = undefined; // Content-Security-Policy, or no Worker here
      return undefined;
    }
  }
}

function poolSize() {
  const cores = globalThis.navigator?.hardwareConcurrency || 2;
  return Math.min(MAX_WORKERS, cores);
}
