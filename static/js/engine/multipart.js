import { Signer } from "./signer.js";
import { linkedController, untilAborted } from "./abort.js";

const FIRST_WINDOW = 6; // fewer parts a request would mean more requests than parts / 6
const MAX_WINDOW = 100;
const WINDOW_SECONDS = 240; // two windows of URLs are out at a time, and must not age

/** Sends parts of one multipart upload: checksums and URLs a window ahead, bodies over the shared lanes. */
export class Multipart {
  #plan;
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
   *   presign: (parts: import("./api.js").WantedPart[], signal: AbortSignal) => ReturnType<import("./signer.js").Presign>,
   *   bytesPerSecond: () => number,
   * }} parts
   */
  constructor({ plan, file, owner, checksums, delivery, progress, clock, presign, bytesPerSecond }) {
    this.#plan = plan;
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
   * Return the numbers of the parts that the bucket lacks, or has with another size; note what it has.
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
   * Resolve when S3 has all these parts; the first part that cannot be sent stops the others.
   *
   * @param {number[]} partNumbers
   * @param {AbortSignal} outerSignal
   */
  async send(partNumbers, outerSignal) {
    const { controller, release } = linkedController(outerSignal);
    const { signal } = controller;
    const signer = new Signer({ clock: this.#clock, presign: (parts) => this.#presign(parts, signal) });
    const flights = new Flights(controller);
    try {
      for (let next = 0, size = FIRST_WINDOW; next < partNumbers.length; size *= 2) {
        const window = partNumbers.slice(next, next + this.#windowSize(size));
        next += window.length;
        const parts = await this.#checksumsOf(window, signal);
        await untilAborted(signer.sign(parts), signal);
        for (const part of parts) flights.add(this.#sendPart(part, signer, signal));
        await flights.atMost(window.length); // the next window is prepared while this one travels
      }
      await flights.atMost(0);
    } catch (error) {
      controller.abort(error);
      throw error;
    } finally {
      release();
    }
  }

  /** @param {number} wanted */
  #windowSize(wanted) {
    const soon = (this.#bytesPerSecond() * WINDOW_SECONDS) / this.#plan.part_size;
    return Math.min(wanted, MAX_WINDOW, Math.max(FIRST_WINDOW, Math.floor(soon)));
  }

  /**
   * @param {number[]} partNumbers
   * @param {AbortSignal} signal
   */
  #checksumsOf(partNumbers, signal) {
    return Promise.all(
      partNumbers.map(async (part_number) => ({
        part_number,
        checksum_sha256: await this.#checksums.checksum(this.#body(part_number), this.#owner, signal),
      })),
    );
  }

  /**
   * @param {import("./api.js").WantedPart} part
   * @param {Signer} signer
   * @param {AbortSignal} signal
   */
  async #sendPart({ part_number, checksum_sha256 }, signer, signal) {
    const body = this.#body(part_number);
    await this.#delivery.deliver({
      owner: this.#owner,
      body,
      checksum: checksum_sha256,
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

/** Parts on their way; the first failure aborts all. */
class Flights {
  #controller;
  #count = 0;
  #landed = () => {};

  /** @param {AbortController} controller */
  constructor(controller) {
    this.#controller = controller;
  }

  /** @param {Promise<void>} flight */
  add(flight) {
    this.#count += 1;
    flight
      .catch((error) => this.#controller.abort(error))
      .finally(() => {
        this.#count -= 1;
        this.#landed();
      });
  }

  /** @param {number} limit */
  async atMost(limit) {
    this.#controller.signal.throwIfAborted();
    while (this.#count > limit) {
      const landing = new Promise((resolve) => {
        this.#landed = () => resolve(undefined);
      });
      await untilAborted(landing, this.#controller.signal);
    }
    this.#controller.signal.throwIfAborted();
  }
}
