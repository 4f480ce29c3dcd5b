import { Signer } from "./signer.js";
import { untilAborted } from "./abort.js";

export const LEAST_PARTS = 6; // parts of each request for URLs; there are at most parts / 6 requests, rounded up
const FIRST_PARTS = 2; // the first request may ask for fewer, so that sending begins soon
const MAX_CHECKSUMS = 100; // of parts that have not arrived
const AHEAD_SECONDS = 240; // parts get URLs this long before they are sent, at most, because URLs expire

/**
 * Sends the parts of one multipart upload over the shared lanes.
 *
 * Three stages run at a time: workers compute checksums, the server signs URLs, and the lanes send. Each stage is a few
 * parts ahead of the next, so that no lane waits.
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
   * }} parts `ahead`: checksums of the first parts that were started earlier
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
   * Return the numbers of the parts that the bucket lacks or has with another size. Count the others as progress.
   *
   * @param {import("./api.js").StoredPart[]} stored
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
   * Resolve when S3 has all these parts. The first part that cannot be sent stops the others.
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

  /** The number of parts with URLs at which more parts get URLs. */
  get #reserve() {
    return 2 * this.#lanes;
  }

  /** The number of parts that may wait for their URLs. */
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
      requestFor: (refused) => signer.requestFor(part_number, { refused, signal }),
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
 * Return for how many parts the next request asks at least.
 *
 * @param {number} all parts
 * @param {number} requests made so far
 * @param {number} left parts without a URL
 */
function leastParts(all, requests, left) {
  const most = Math.ceil(all / LEAST_PARTS);
  return Math.max(requests === 0 ? FIRST_PARTS : LEAST_PARTS, left - (most - requests - 1) * LEAST_PARTS);
}

/** The parts of an upload that have no URL yet, in order. The checksums of the first of them are being computed. */
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

  /** @param {number} most compute checksums until this many parts have one, or wait for one */
  hash(most) {
    for (const partNumber of this.#partNumbers.splice(0, Math.max(0, most - this.#begun.length))) {
      const begun = { part: this.#hash(partNumber), isReady: false };
      // `take` reports a failure. Without a later `take`, the failure does not matter.
      begun.part.then(() => (begun.isReady = true)).catch(() => {});
      this.#begun.push(begun);
    }
  }

  /**
   * Remove and return the next parts: `least` of them, and all further parts whose checksums are ready.
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

/** Parts in flight. The first failure aborts all of them. */
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
