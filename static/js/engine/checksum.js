import { Clock } from "./clock.js";
import { FairQueue } from "./fair-queue.js";
import { Hasher } from "./hasher.js";
import { SHA256 } from "./digest.js";
import { freshSlice, readAgain } from "./reading.js";
import { readingError } from "./errors.js";

/**
 * @typedef {{checksum: string, bytes?: ArrayBuffer}} Read `bytes`: the content of a small file. The engine sends
 *   these bytes, so that it reads the file only once.
 * @typedef {{blob: Blob, resolve: (read: Read | null) => void, reject: (error: unknown) => void}} Job
 */

const MAX_WORKERS = 4;
const SMALL_BYTES = 64 * 1024;
const MAX_TOGETHER = 100; // small files in one message to a worker

/**
 * Computes checksums in workers, at most four at the same time.
 *
 * Each request for a checksum has an owner: one large upload, or the batch of all small files. Owners take turns, so a
 * large file does not delay other files. One worker at a time reads small files, up to 100 with one message.
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
  /** @type {FairQueue<Job>} files that are read alone */
  #queue = new FairQueue();
  /** @type {FairQueue<Job>} small files, which are read together */
  #small = new FairQueue();
  #isReadingSmall = false;
  #wasSmall = false; // whether the last work was for small files
  #isDue = false;

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
  async read(blob, owner, signal) {
    const together = blob.size <= SMALL_BYTES ? await this.#ask(this.#small, blob, owner, signal) : null;
    if (together) return together;
    // Read a slice of a File object and not the object itself. If the file was changed, the browser refuses to read the
    // slice, so the engine notices the change.
    const sourceOf = (/** @type {number} */ failures) => (failures === 0 && !("lastModified" in blob) ? blob : freshSlice(blob));
    try {
      const read = await readAgain((failures) => this.#ask(this.#queue, sourceOf(failures), owner, signal), { clock: this.#clock, signal });
      return /** @type {Read} */ (read);
    } catch (error) {
      throw readingError(error);
    }
  }

  /**
   * @param {FairQueue<Job>} queue
   * @param {Blob} blob
   * @param {object} owner
   * @param {AbortSignal} signal
   * @returns {Promise<Read | null>} null if a small file must be read again alone
   */
  #ask(queue, blob, owner, signal) {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const abort = () => {
        queue.remove(owner, job);
        reject(signal.reason);
      };
      const done = () => signal.removeEventListener("abort", abort);
      /** @type {Job} */
      const job = {
        blob,
        resolve: (read) => (done(), resolve(read)),
        reject: (error) => (done(), reject(error)),
      };
      signal.addEventListener("abort", abort, { once: true });
      queue.add(owner, job);
      this.#fillSoon();
    });
  }

  /** Start work in a microtask, so that all files that are requested now are in the first message to a worker. */
  #fillSoon() {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      this.#fill();
    });
  }

  #fill() {
    while (this.#busy < this.#size) {
      const work = this.#next();
      if (!work) return;
      this.#busy += 1;
      void work().finally(() => {
        this.#busy -= 1;
        this.#fill();
      });
    }
  }

  /** @returns {(() => Promise<void>) | undefined} the next work; small files and other files take turns */
  #next() {
    const hasSmall = !this.#isReadingSmall && !this.#small.isEmpty;
    if (hasSmall && (this.#queue.isEmpty || !this.#wasSmall)) {
      this.#wasSmall = true;
      return () => this.#readTogether();
    }
    const job = this.#queue.take();
    if (!job) return undefined;
    this.#wasSmall = false;
    return () => this.#hash(job.blob).then((checksum) => job.resolve({ checksum }), job.reject);
  }

  /** Read up to 100 small files with one message to a worker. A file that cannot be read so is read again alone. */
  async #readTogether() {
    this.#isReadingSmall = true;
    /** @type {Job[]} */
    const jobs = [];
    while (jobs.length < MAX_TOGETHER && !this.#small.isEmpty) jobs.push(/** @type {Job} */ (this.#small.take()));
    const answers = await this.#answerOf((hasher) => hasher.hashAll(jobs.map(({ blob }) => blob)));
    this.#isReadingSmall = false;
    jobs.forEach(({ blob, resolve }, index) => {
      const { checksum, bytes } = answers?.[index] ?? {};
      const isWhole = checksum && (!bytes || bytes.byteLength === blob.size);
      resolve(isWhole ? { checksum, bytes } : null);
    });
  }

  /** @param {Blob} blob */
  async #hash(blob) {
    const answer = await this.#answerOf((hasher) => hasher.hash(blob));
    if (!answer) return this.#digest.checksum(blob); // compute it in this thread, which makes the page slower
    if (answer.checksum) return answer.checksum;
    throw new DOMException(answer.error?.message, answer.error?.name);
  }

  /**
   * @template Answer
   * @param {(hasher: Hasher) => Promise<Answer | null>} ask
   * @returns {Promise<Answer | null>} the answer of a worker, or null if there is no worker or it did not respond in time
   */
  async #answerOf(ask) {
    const hasher = this.#idle.pop() ?? this.#hire();
    if (!hasher) return null;
    const answer = await ask(hasher);
    if (answer) this.#idle.push(hasher);
    else if (hasher.isBroken) this.#createWorker = undefined; // the browser cannot load the worker's script
    else hasher.onBack = () => this.#idle.push(hasher); // if it responds later, use it again
    return answer;
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
}

function poolSize() {
  const cores = globalThis.navigator?.hardwareConcurrency || 2;
  return Math.min(MAX_WORKERS, cores);
}
