import { DeliveryError, UploadError } from "./errors.js";

const MAX_RENEWALS = 3; // if S3 also refuses the third new URL, do not retry, because the configuration must be wrong
const MAX_CORRUPT = 3;

/**
 * @typedef {{
 *   owner: object, body: Blob, bytes?: ArrayBuffer, whole?: Blob, checksum: string, signal: AbortSignal,
 *   checksums: import("./checksum.js").Checksums,
 *   requestFor: (last: {refused: boolean, lost: boolean}) => Promise<import("./put.js").StorageRequest | null>,
 *   hostOf?: () => string,
 *   onProgress: (sent: number) => void,
 * }} Parcel `checksum`: the declared checksum of the body; `bytes`: the content of the body, if it was already read.
 *   `whole`: the file, if the body is the whole file. `requestFor` returns the presigned request, or null if S3 already has
 *   the body. `refused` is true if S3 has refused the previous request, so that a new one is needed. `lost` is true if no
 *   answer to the previous request arrived.
 */

/** Sends one body to S3, with retries. Each attempt waits for a lane: one of a few permitted parallel connections. */
export class Delivery {
  #put;
  #lanes;
  #retry;

  /**
   * @param {{
   *   put: Pick<import("./put.js").Put, "send">,
   *   lanes: import("./lanes.js").Lanes,
   *   retry: import("./retry.js").Retry,
   * }} parts
   */
  constructor({ put, lanes, retry }) {
    this.#put = put;
    this.#lanes = lanes;
    this.#retry = retry;
  }

  /**
   * Send the body. Resolve when S3 has it, even if the response to the successful attempt was lost.
   *
   * While this body waits for a retry, other bodies can use its lane. Throw UploadError if all retries fail.
   *
   * @param {Parcel} parcel
   */
  async deliver(parcel) {
    const { owner, body, signal, hostOf } = parcel;
    const failures = { refused: false, lost: false, renewals: 0, corrupt: 0, attempts: 0 };
    const send = (/** @type {import("./lanes.js").Report} */ report) => this.#attempt(parcel, failures, report);
    const attempt = () => this.#lanes.run(owner, signal, send, { size: body.size, host: hostOf?.() });
    await this.#retry.run(attempt, { signal });
  }

  /**
   * @param {Parcel} parcel
   * @param {{refused: boolean, lost: boolean, renewals: number, corrupt: number, attempts: number}} failures
   * @param {import("./lanes.js").Report} report
   */
  async #attempt(parcel, failures, report) {
    const { body, bytes, requestFor, onProgress } = parcel;
    // A retry sends a new slice, and not the File object itself. After a failed read of a File object, WebKit may fail
    // all later reads of this object, but it can read a new slice.
    const whole = failures.attempts++ === 0 ? parcel.whole : undefined;
    const request = await requestFor(failures);
    failures.refused = failures.lost = false;
    if (!request) return;
    const moved = (/** @type {number} */ sent) => {
      onProgress(sent);
      report.moved(sent);
    };
    try {
      await this.#put.send(request, body, { bytes, whole, signal: report.signal, onProgress: moved });
      report.delivered();
    } catch (error) {
      if (!(error instanceof DeliveryError)) throw error;
      if (error.code === "exists") return; // an earlier attempt succeeded, but its response was lost; `complete` checks the object
      failures.lost = error.status === 0;
      if (error.code === "pushback" || error.code === "stalled") this.#lanes.pushBack();
      if (error.code === "expired") {
        failures.refused = true;
        error.retryable = ++failures.renewals <= MAX_RENEWALS;
      }
      if (error.code === "corrupt") {
        await this.#compare(parcel);
        error.retryable = ++failures.corrupt <= MAX_CORRUPT;
      }
      throw error;
    }
  }

  /**
   * Compute the checksum of the body again. Throw UploadError `file_changed` if it differs from the declared checksum.
   *
   * @param {Parcel} parcel
   */
  async #compare({ body, checksum, checksums, owner, signal }) {
    if ((await checksums.checksum(body, owner, signal)) === checksum) return;
    throw new UploadError("file_changed", "The file was changed while it was being sent. Choose the file again.");
  }
}
