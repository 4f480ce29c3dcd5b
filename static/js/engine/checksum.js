import { Clock } from "./clock.js";
import { FairQueue } from "./fair-queue.js";
import { Hasher } from "./hasher.js";
import { SHA256 } from "./digest.js";
import { freshSlice, readAgain } from "./reading.js";
import { readingError } from "./errors.js";

/**
 * @typedef {{checksum: string, bytes?: ArrayBuffer}} Read `bytes`: the content of a small file. The engine sends
 *   these bytes, so that it reads the file only once.
 * @typedef {{
 *   blob: Blob,
 *   signal: AbortSignal,
 *   resolve: (read: Read) => void,
 *   reject: (error: unknown) => void,
 * }} Job
 */

const MAX_WORKERS = 4;
const SMALL_BYTES = 64 * 1024;
const MAX_SMALL = 25; // files in one message to a worker

/** @param {Job} job */
const isSmall = ({ blob }) => blob.size <= SMALL_BYTES;

/**
 * Computes checksums in workers, at most four at the same time.
 *
 * Each request for a checksum has an owner: one large upload, or the batch of all small files. Owners take turns, so a
 * large file does not delay other files.
 */
export class Checksums {
  #createWorker;
  #digest;
  #clock;
  #size;
  /** @type {Hasher[]} */
  #idle = [];
  #hired = 0;
  #busy = 0;
  /** @type {FairQueue<Job>} */
  #queue = new FairQueue();

  /**
   * @param {{
   *   createWorker?: (name: string) => import("./hasher.js").HashWorker,
   *   digest?: import("./digest.js").Digest,
   *   clock?: Clock,
   *   size?: number,
   * }} [parts] without `createWorker`, this thread computes the checksums
   */
  constructor({ createWorker, digest = SHA256, clock = new Clock(), size = poolSize() } = {}) {
    this.#createWorker = createWorker;
    this.#digest = digest;
    this.#clock = clock;
    this.#size = size;
  }

  /**
   * Return the checksum as a field of the API, for example `{checksum_sha256: "..."}`.
   *
   * @param {string} checksum
   * @returns {{checksum_sha256?: string, checksum_crc64nvme?: string}}
   */
  declared(checksum) {
    return { [this.#digest.field]: checksum };
  }

  /**
   * Return the checksum of `blob` in base64.
   *
   * Throw DeliveryError `unreadable` if the file was deleted or changed.
   *
   * @param {Blob} blob
   * @param {object} owner
   * @param {AbortSignal} signal ends the wait, but does not stop a computation that has started
   * @returns {Promise<string>}
   */
  async checksum(blob, owner, signal) {
    return (await this.read(blob, owner, signal)).checksum;
  }

  /**
   * Return the checksum of `blob` in base64. If a worker has read a small file, return also the bytes.
   *
   * @param {Blob} blob
   * @param {object} owner
   * @param {AbortSignal} signal
   * @returns {Promise<Read>}
   */
  read(blob, owner, signal) {
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
        signal,
        resolve: (read) => (done(), resolve(read)),
        reject: (error) => (done(), reject(readingError(error))),
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#queue.add(owner, job);
      this.#fill();
    });
  }

  #fill() {
    while (this.#busy < this.#size) {
      const jobs = this.#take();
      if (jobs.length === 0) return;
      this.#busy += 1;
      void this.#work(jobs).finally(() => {
        this.#busy -= 1;
        this.#fill();
      });
    }
  }

  /** @returns {Job[]} the next job; if it is for a small file, also the next jobs for small files, up to 25 in total */
  #take() {
    const first = this.#queue.take();
    if (!first) return [];
    const jobs = [first];
    while (isSmall(first) && jobs.length < MAX_SMALL) {
      const next = this.#queue.take(isSmall);
      if (!next) break;
      jobs.push(next);
    }
    return jobs;
  }

  /** @param {Job[]} jobs */
  async #work(jobs) {
    for (const job of isSmall(jobs[0]) ? await this.#readTogether(jobs) : jobs) await this.#readAlone(job);
  }

  /**
   * @param {Job[]} jobs
   * @returns {Promise<Job[]>} the failed jobs; the caller reads each of these files again alone
   */
  async #readTogether(jobs) {
    const hasher = this.#idle.pop() ?? this.#hire();
    const answers = await hasher?.hashAll(jobs.map(({ blob }) => blob));
    if (!hasher || !answers) {
      if (hasher) this.#replace(hasher);
      return jobs;
    }
    this.#idle.push(hasher);
    return jobs.filter(({ resolve }, index) => {
      const { checksum, bytes } = answers[index];
      const isWhole = checksum && (!bytes || bytes.byteLength === jobs[index].blob.size);
      if (isWhole) resolve({ checksum, bytes });
      return !isWhole;
    });
  }

  /** @param {Job} job */
  async #readAlone({ blob, signal, resolve, reject }) {
    try {
      // Read a slice of a File object and not the object itself. If the file was changed, the browser refuses to read the
      // slice, so the engine notices the change.
      const read = (/** @type {number} */ failures) => this.#hash(failures === 0 && !("lastModified" in blob) ? blob : freshSlice(blob));
      resolve({ checksum: await readAgain(read, { clock: this.#clock, signal }) });
    } catch (error) {
      reject(error);
    }
  }

  /** @param {Blob} blob */
  async #hash(blob) {
    const hasher = this.#idle.pop() ?? this.#hire();
    const answer = await hasher?.hash(blob);
    if (!hasher || !answer) {
      if (hasher) this.#replace(hasher);
      return this.#digest.checksum(blob); // compute it in this thread, which makes the page slower
    }
    this.#idle.push(hasher);
    if (answer.checksum) return answer.checksum;
    throw new DOMException(answer.error?.message, answer.error?.name);
  }

  #hire() {
    if (this.#hired >= this.#size) return undefined;
    try {
      const worker = this.#createWorker?.(this.#digest.name);
      if (!worker) return undefined;
      this.#hired += 1;
      return new Hasher(worker);
    } catch {
      this.#createWorker = undefined; // the Content-Security-Policy forbids workers, or the browser has no workers
      return undefined;
    }
  }

  /**
   * Stop using a worker that did not respond in time. If it responds later, use it again.
   *
   * @param {Hasher} hasher
   */
  #replace(hasher) {
    if (hasher.isBroken) this.#createWorker = undefined; // the browser cannot load the worker's script
    else hasher.onBack = () => this.#idle.push(hasher);
  }
}

function poolSize() {
  const cores = globalThis.navigator?.hardwareConcurrency || 2;
  return Math.min(MAX_WORKERS, cores);
}
