import { untilAborted } from "./abort.js";

const MAX_PER_REQUEST = 100;
const MARGIN_MS = 30_000; // renew a URL this long before it expires, because its request needs time to reach S3
const MARGIN_SHARE = 0.25; // maximum margin for short-lived URLs, as a share of their lifetime

/**
 * @typedef {import("./put.js").StorageRequest} StorageRequest
 * @typedef {{checksum: string, request: StorageRequest | null, deadline: number}} Signed
 * @typedef {{part_number: number, checksum: string}} WantedPart
 * @typedef {(parts: WantedPart[]) => Promise<{parts: import("./api.js").SignedPart[], lifetimeMs: number}>} Presign
 */

/**
 * Stores the presigned requests for the parts of one upload, and renews them before they expire.
 *
 * The deadline of a URL is the time of the response on `Clock`, plus the lifetime that the server reports, minus a
 * margin. So a wrong time on this machine does not matter. URLs that expired together, for example while the machine
 * slept, are renewed in one request.
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
   * Get the presigned requests for at most 100 parts, in one call of the API.
   *
   * @param {WantedPart[]} parts
   */
  async sign(parts) {
    for (const { part_number, checksum } of parts) {
      this.#signed.set(part_number, { checksum, request: null, deadline: -Infinity });
    }
    await this.#fetch(parts.map((part) => part.part_number));
  }

  /**
   * Return the request for a part. If its deadline has passed, or if S3 has `refused` it, get a new request first.
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

  /**
   * @param {number} partNumber
   * @returns {string} the host of the part's URL. A new URL for the part has the same host.
   */
  hostOf(partNumber) {
    return hostOf(this.#entry(partNumber).request);
  }

  /** @param {number} partNumber a part that S3 now has, so its request is no longer needed */
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
      checksum: this.#entry(part_number).checksum,
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

/**
 * @param {StorageRequest | null | undefined} request
 * @returns {string} the host of the request's URL, or "" if there is no request
 */
export function hostOf(request) {
  return request ? new URL(request.url).host : "";
}
