import { Signer } from "./signer.js";
import { untilAborted } from "./abort.js";

export const LEAST_PARTS = 6; // minimum number of parts in one request for URLs, so n parts need at most n / 6 requests
const FIRST_PARTS = 2; // a smaller minimum for the first request, so that sending starts soon
const MAX_CHECKSUMS = 100; // maximum number of checksums for parts that S3 does not have yet
const AHEAD_SECONDS = 240; // get the URL of a part at most this long before the part is sent, because URLs expire

/**
 * Sends the parts of one multipart upload over the shared lanes (permitted parallel connections).
 *
 * Three stages run at the same time: workers compute checksums, the server signs URLs, and the lanes send parts. Each
 * stage is a few parts ahead of the next stage, so that no lane has to wait.
 */
export class Multipart {
  #plan;
  #ahead;
  #file;
  #owner;
  #checksums;
  #delivery;
  #progress;
  #bytesPerSecond;
  #lanes;
  #presign;
  #clock;

  /**
   * @param {{
   *   plan: {part_size: number, part_count: number},
   *   file: Blob,
   *   owner: object,
   *   checksums: import("./checksum.js").Checksums,
   *   delivery: import("./delivery.js").Delivery,
   *   progress: import("./progress.js").Progress,
   *   clock: import("./clock.js").Clock,
   *   presign: (parts: import("./signer.js").WantedPart[], signal: AbortSignal) => ReturnType<import("./signer.js").Presign>,
   *   bytesPerSecond: () => number,
   *   lanes: number,
   *   ahead?: Map<number, Promise<string>>,
   * }} parts `ahead`: checksums of the first parts that are already being computed, by part number
   */
  constructor({ plan, ahead = new Map(), file, owner, checksums, delivery, progress, clock, presign, bytesPerSecond, lanes }) {
    this.#plan = plan;
    this.#ahead = ahead;
    this.#file = file;
    this.#owner = owner;
    this.#checksums = checksums;
    this.#delivery = delivery;
    this.#progress = progress;
    this.#clock = clock;
    this.#presign = presign;
    this.#bytesPerSecond = bytesPerSecond;
    this.#lanes = lanes;
  }

  /** @param {number} partNumber */
  byteSizeOf(partNumber) {
    return this.#body(partNumber).size;
  }

  /**
   * Return the numbers of the parts that the bucket lacks, or that have a wrong size there. Count the other parts as sent.
   *
   * @param {import("./api.js").StoredPart[]} stored the parts in the bucket
   */
  missing(stored) {
    const sound = new Map(
      stored
        .filter(({ part_number, byte_size }) => byte_size === this.byteSizeOf(part_number))
        .map(({ part_number, byte_size }) => [part_number, byte_size]),
    );
    this.#progress.found(sound);
    return this.allParts().filter((partNumber) => !sound.has(partNumber));
  }

  allParts() {
    return Array.from({ length: this.#plan.part_count }, (_, index) => index + 1);
  }

  /**
   * Send these parts. Resolve when S3 has all of them. If all retries of one part fail, stop all other parts.
   *
   * @param {number[]} partNumbers
   * @param {AbortSignal} outerSignal
   */
  async send(partNumbers, outerSignal) {
    const controller = new AbortController();
    const signal = AbortSignal.any([outerSignal, controller.signal]);
    const signer = new Signer({ clock: this.#clock, presign: (parts) => this.#presign(parts, signal) });
    const flights = new Flights(signal, (error) => controller.abort(error));
    const line = new HashLine(partNumbers, (partNumber) => this.#checksumOf(partNumber, signal));
    try {
      for (let requests = 0; line.length > 0; requests += 1) {
        await flights.atMost(this.#reserve);
        line.hash(this.#most);
        const parts = await untilAborted(line.take(leastParts(partNumbers.length, requests, line.length)), signal);
        line.hash(this.#most);
        await untilAborted(signer.sign(parts), signal);
        for (const part of parts) flights.add(this.#sendPart(part, signer, signal));
      }
      await flights.atMost(0);
    } catch (error) {
      controller.abort(error);
      throw error;
    }
  }

  /**
   * The engine counts the parts that have a URL and are not stored yet. It requests the next URLs when this count falls to
   * the returned number.
   */
  get #reserve() {
    return 2 * this.#lanes;
  }

  /** The maximum number of parts without a URL whose checksums are computed or in progress. */
  get #most() {
    const soon = Math.floor((this.#bytesPerSecond() * AHEAD_SECONDS) / this.#plan.part_size);
    return Math.min((MAX_CHECKSUMS - this.#reserve) / 2, Math.max(2 * LEAST_PARTS, soon));
  }

  /**
   * @param {number} part_number
   * @param {AbortSignal} signal
   * @returns {Promise<import("./signer.js").WantedPart>}
   */
  async #checksumOf(part_number, signal) {
    const early = this.#ahead.get(part_number);
    return { part_number, checksum: await (early ?? this.#checksums.checksum(this.#body(part_number), this.#owner, signal)) };
  }

  /**
   * @param {import("./signer.js").WantedPart} part
   * @param {Signer} signer
   * @param {AbortSignal} signal
   */
  async #sendPart({ part_number, checksum }, signer, signal) {
    const body = this.#body(part_number);
    await this.#delivery.deliver({
      owner: this.#owner,
      body,
      checksum,
      checksums: this.#checksums,
      signal,
      requestFor: ({ refused }) => signer.requestFor(part_number, { refused, signal }),
      hostOf: () => signer.hostOf(part_number),
      onProgress: (sent) => this.#progress.reached(part_number, sent),
    });
    signer.forget(part_number);
    this.#progress.finished(part_number, body.size);
  }

  /** @param {number} partNumber */
  #body(partNumber) {
    const start = (partNumber - 1) * this.#plan.part_size;
    return this.#file.slice(start, start + this.#plan.part_size, "");
  }
}

/**
 * Return the minimum number of parts in the next request for URLs.
 *
 * @param {number} all number of parts to send
 * @param {number} requests number of requests so far
 * @param {number} left number of parts without a URL
 */
function leastParts(all, requests, left) {
  const most = Math.ceil(all / LEAST_PARTS);
  return Math.max(requests === 0 ? FIRST_PARTS : LEAST_PARTS, left - (most - requests - 1) * LEAST_PARTS);
}

/** The queue of parts without a URL. The checksums of the first parts in this queue are computed or in progress. */
class HashLine {
  #partNumbers;
  #hash;
  /** @type {{part: Promise<import("./signer.js").WantedPart>, isReady: boolean}[]} */
  #begun = [];

  /**
   * @param {number[]} partNumbers
   * @param {(partNumber: number) => Promise<import("./signer.js").WantedPart>} hash
   */
  constructor(partNumbers, hash) {
    this.#partNumbers = [...partNumbers];
    this.#hash = hash;
  }

  get length() {
    return this.#begun.length + this.#partNumbers.length;
  }

  /**
   * Start the computation of checksums for the next parts.
   *
   * @param {number} most maximum number of parts in the queue with a checksum, or with a checksum in progress
   */
  hash(most) {
    for (const partNumber of this.#partNumbers.splice(0, Math.max(0, most - this.#begun.length))) {
      const begun = { part: this.#hash(partNumber), isReady: false };
      // `take` throws the error of a failed checksum. If nobody calls `take`, the error does not matter.
      begun.part.then(() => (begun.isReady = true)).catch(() => {});
      this.#begun.push(begun);
    }
  }

  /**
   * Wait for the checksums of the next `least` parts. Remove and return these parts, and the parts after them whose
   * checksums are ready.
   *
   * @param {number} least
   */
  async take(least) {
    await Promise.all(this.#begun.slice(0, least).map(({ part }) => part));
    const waiting = this.#begun.findIndex(({ isReady }, index) => index >= least && !isReady);
    const taken = this.#begun.splice(0, waiting < 0 ? this.#begun.length : waiting);
    return Promise.all(taken.map(({ part }) => part));
  }
}

/** The parts in flight. The first failure aborts all of them. */
class Flights {
  #signal;
  #abort;
  #count = 0;
  #landed = () => {};

  /**
   * @param {AbortSignal} signal
   * @param {(error: unknown) => void} abort
   */
  constructor(signal, abort) {
    this.#signal = signal;
    this.#abort = abort;
  }

  /** @param {Promise<void>} flight */
  add(flight) {
    this.#count += 1;
    flight
      .catch((error) => this.#abort(error))
      .finally(() => {
        this.#count -= 1;
        this.#landed();
      });
  }

  /** @param {number} limit */
  async atMost(limit) {
    this.#signal.throwIfAborted();
    while (this.#count > limit) {
      const landing = new Promise((resolve) => {
        this.#landed = () => resolve(undefined);
      });
      await untilAborted(landing, this.#signal);
    }
    this.#signal.throwIfAborted();
  }
}
