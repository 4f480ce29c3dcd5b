import { Signer } from "./signer.js";
import { untilAborted } from "./abort.js";

export const FIRST_WINDOW = 2; // parts; sending begins as soon as they have their checksums
const MIN_WINDOW = 6; // parts; bounds the number of signing requests to parts / 6
const MAX_WINDOW = 50; // parts; one window waits to be sent, one for its URLs: at most 100 checksums
const WINDOW_SECONDS = 240; // two windows have URLs at a time, and these must not expire

/** Sends the parts of one multipart upload over the shared lanes. Checksums and URLs are prepared a window ahead. */
export class Multipart {
  #plan;
  #ahead;
  #file;
  #owner;
  #checksums;
  #delivery;
  #progress;
  #bytesPerSecond;
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
   *   ahead?: Map<number, Promise<string>>,
   * }} parts `ahead`: checksums of the first parts that were started earlier
   */
  constructor({ plan, ahead = new Map(), file, owner, checksums, delivery, progress, clock, presign, bytesPerSecond }) {
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
    try {
      let window = this.#windowOf(partNumbers, 0, FIRST_WINDOW);
      let hashing = this.#checksumsOf(window, signal);
      for (let next = window.length, size = MIN_WINDOW; window.length > 0; size *= 2) {
        const parts = await hashing;
        const following = this.#windowOf(partNumbers, next, size);
        next += following.length;
        // The next window gets its checksums while this one gets its URLs and is sent.
        hashing = this.#checksumsOf(following, signal);
        hashing.catch(() => {}); // awaited in the next round; without one, the failure does not matter
        await untilAborted(signer.sign(parts), signal);
        for (const part of parts) flights.add(this.#sendPart(part, signer, signal));
        await flights.atMost(window.length);
        window = following;
      }
      await flights.atMost(0);
    } catch (error) {
      controller.abort(error);
      throw error;
    }
  }

  /**
   * @param {number[]} partNumbers
   * @param {number} from
   * @param {number} wanted how many
   */
  #windowOf(partNumbers, from, wanted) {
    const soon = (this.#bytesPerSecond() * WINDOW_SECONDS) / this.#plan.part_size;
    const size = Math.min(wanted, MAX_WINDOW, Math.max(MIN_WINDOW, Math.floor(soon)));
    const left = partNumbers.length - from;
    // A remainder of a few parts joins this window, because it is not worth its own request.
    const isRest = left <= MIN_WINDOW || (from > 0 && left - size < MIN_WINDOW && left <= MAX_WINDOW);
    return partNumbers.slice(from, isRest ? partNumbers.length : from + size);
  }

  /**
   * @param {number[]} partNumbers
   * @param {AbortSignal} signal
   */
  #checksumsOf(partNumbers, signal) {
    return Promise.all(
      partNumbers.map(async (part_number) => ({
        part_number,
        checksum: await (this.#ahead.get(part_number) ??
          this.#checksums.checksum(this.#body(part_number), this.#owner, signal)),
      })),
    );
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
