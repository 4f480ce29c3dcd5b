const START_MS = 5_000;
const BASE_MS = 20_000;
const BYTES_PER_MS = 1_000; // assumed minimum speed of reading and hashing: 1 MB/s, as from a slow network drive

/**
 * @typedef {Pick<Worker, "postMessage" | "terminate" | "onmessage" | "onerror">} HashWorker
 * @typedef {{checksum?: string, bytes?: ArrayBuffer, error?: {name: string, message: string}}} Answer
 *   `bytes`: the content of a small file. The engine sends these bytes, so that it reads the file only once.
 */

/** Sends requests for checksums to a worker, one at a time. Each request has a timeout, because a worker may never respond. */
export class Hasher {
  #worker;
  #hasStarted = false;

  /** @param {HashWorker} worker */
  constructor(worker) {
    this.#worker = worker;
    /** True if the worker's script failed. The worker cannot be used after that. */
    this.isBroken = false;
    /** Called when the worker responds after the timeout. */
    this.onBack = () => {};
  }

  /**
   * @param {Blob} blob
   * @returns {Promise<Answer | null>} null if the worker is broken or did not respond in time
   */
  hash(blob) {
    return this.#ask(blob, blob.size);
  }

  /**
   * Hash several small files with one message to the worker.
   *
   * @param {Blob[]} blobs
   * @returns {Promise<Answer[] | null>} one answer for each file, in the same order; null if the worker is broken or
   *   did not respond in time
   */
  async hashAll(blobs) {
    const answer = await this.#ask(blobs, blobs.reduce((sum, { size }) => sum + size, 0));
    return answer?.answers ?? null;
  }

  /**
   * @param {Blob | Blob[]} message
   * @param {number} byteSize
   * @returns {Promise<Answer & {answers?: Answer[]} | null>}
   */
  #ask(message, byteSize) {
    return new Promise((resolve) => {
      /** @type {ReturnType<typeof setTimeout> | undefined} */
      let timer;
      const settle = (/** @type {Answer | null} */ answer) => {
        clearTimeout(timer);
        resolve(answer);
      };
      const limit = (/** @type {number} */ milliseconds) => {
        clearTimeout(timer);
        timer = setTimeout(() => {
          this.#worker.onmessage = ({ data }) => this.#isAnswer(data) && this.onBack();
          settle(null);
        }, milliseconds);
      };
      const forAnswer = BASE_MS + byteSize / BYTES_PER_MS;
      this.#worker.onmessage = ({ data }) => (this.#isAnswer(data) ? settle(data) : limit(forAnswer));
      const fail = () => {
        this.isBroken = true;
        this.#worker.terminate();
        settle(null);
      };
      this.#worker.onerror = (event) => (event.preventDefault?.(), fail());
      limit(this.#hasStarted ? forAnswer : START_MS);
      try {
        this.#worker.postMessage(message);
      } catch {
        fail();
      }
    });
  }

  /** @param {Answer | {isStarted: true}} message */
  #isAnswer(message) {
    this.#hasStarted = true;
    return !("isStarted" in message);
  }
}
