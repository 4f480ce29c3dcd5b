import { untilAborted } from "./abort.js";

const MAX_PER_REQUEST = 100;
const MARGIN_MS = 30_000; // a URL must live long enough for its request to reach S3
const MARGIN_SHARE = 0.25; // but of short-lived URLs not more than this

/**
 * @typedef {import("./put.js").StorageRequest} StorageRequest
 * @typedef {{checksum: string, request: StorageRequest | null, deadline: number}} Signed
 * @typedef {(parts: import("./api.js").WantedPart[]) => Promise<{parts: import("./api.js").SignedPart[], lifetimeMs: number}>} Presign
 */

/**
 * Holds the presigned requests of one upload's parts, and renews them when they have aged.
 *
 * Ages are counted from the moment of the answer on the local clock, so that a wrong wall clock
 * does no harm. Parts whose URLs died together, in sleep for instance, share one renewal.
 */
export class Signer {
  #presign;
  #clock;
  /** @type {Map<number, Signed>} */
  #signed = new Map();
  /** @type {Promise<void> | null} */
  #renewal = null;

  /** @param {{presign: Presign, clock: import("./clock.js").Clock}} parts */
  constructor({ presign, clock }) {
    this.#presign = presign;
    this.#clock = clock;
  }

  /**
   * Get the requests for a window of parts, at most 100, in one call.
   *
   * @param {import("./api.js").WantedPart[]} parts
   */
  async sign(parts) {
    for (const { part_number, checksum_sha256 } of parts) {
      this.#signed.set(part_number, { checksum: checksum_sha256, request: null, deadline: -Infinity });
    }
    await this.#fetch(parts.map((part) => part.part_number));
  }

  /**
   * Return the request for a part that was signed before, renewed if it has aged or `refused` says so.
   *
   * @param {number} partNumber
   * @param {{refused: boolean, signal: AbortSignal}} options
   * @returns {Promise<StorageRequest>}
   */
  async requestFor(partNumber, { refused, signal }) {
    const signed = this.#entry(partNumber);
    if (refused) signed.deadline = -Infinity;
    while (!signed.request || this.#isStale(signed)) {
      this.#renewal ??= Promise.resolve().then(() => this.#renew());
      await untilAborted(this.#renewal, signal);
    }
    return signed.request;
  }

  /** @param {number} partNumber that S3 has now */
  forget(partNumber) {
    this.#signed.delete(partNumber);
  }

  /** @param {number} partNumber */
  #entry(partNumber) {
    const signed = this.#signed.get(partNumber);
    if (!signed) throw new Error(`Part ${partNumber} was not signed.`);
    return signed;
  }

  /** @param {Signed} signed */
  #isStale({ deadline }) {
    return this.#clock.now() >= deadline;
  }

  async #renew() {
    try {
      const stale = [...this.#signed].filter(([, signed]) => this.#isStale(signed));
      await this.#fetch(stale.slice(0, MAX_PER_REQUEST).map(([partNumber]) => partNumber));
    } finally {
      this.#renewal = null;
    }
  }

  /** @param {number[]} partNumbers */
  async #fetch(partNumbers) {
    if (partNumbers.length === 0) return;
    const wanted = partNumbers.map((part_number) => ({
      part_number,
      checksum_sha256: this.#entry(part_number).checksum,
    }));
    const { parts, lifetimeMs } = await this.#presign(wanted);
    const margin = Math.min(MARGIN_MS, lifetimeMs * MARGIN_SHARE);
    const deadline = this.#clock.now() + lifetimeMs - margin;
    for (const { part_number, url, headers } of parts) {
      const signed = this.#signed.get(part_number);
      if (signed) Object.assign(signed, { request: { method: "PUT", url, headers }, deadline });
    }
  }
}
