import { UploadError } from "./errors.js";
import { hostOf } from "./signer.js";
import { untilAborted } from "./abort.js";

/**
 * @typedef {import("./api.js").UploadRecord} UploadRecord
 * @typedef {{
 *   file: Blob,
 *   declaration: import("./api.js").Declaration,
 *   head: () => Promise<{head?: string}>,
 *   key: string,
 *   known: boolean,
 *   owner: object,
 *   progress: import("./progress.js").Progress,
 *   api: import("./api.js").Api,
 *   delivery: import("./delivery.js").Delivery,
 * }} TransferParts `head` returns the file's first bytes as a field of the start request. `known` is true if an earlier
 *   visit may have started an upload with this key.
 */

/** Sends a small file: computes its checksum, and then sends the whole file in one request. */
export class Single {
  #parts;
  #batch;
  #hasStarted = false;
  #checksum = "";
  /** @type {ArrayBuffer | undefined} the content of the file, kept until S3 has received it */
  #bytes;
  /** @type {ReturnType<import("./batch.js").Batch["starts"]["join"]> | null} */
  #starting = null;
  /** @type {ReturnType<import("./batch.js").Batch["completions"]["join"]> | null} */
  #completing = null;

  /** @param {TransferParts & {batch: import("./batch.js").Batch, checksums: import("./checksum.js").Checksums}} parts */
  constructor({ batch, ...parts }) {
    this.#parts = parts;
    this.#batch = batch;
  }

  /** The Idempotency-Key. If a second start request has the same key, the server returns this upload with a new URL. */
  get key() {
    return this.#parts.key;
  }

  /** @param {AbortSignal} signal */
  async prepare(signal) {
    if (this.#checksum) return;
    this.#starting = this.#batch.starts.join();
    try {
      const { checksum, bytes } = await this.#parts.checksums.read(this.#parts.file, this.#batch, signal);
      this.#checksum = checksum;
      this.#bytes = bytes;
    } catch (error) {
      this.#starting?.leave();
      this.#starting = null;
      throw error;
    }
  }

  /** @returns {Promise<UploadRecord>} */
  async start() {
    const { api, key, checksums } = this.#parts;
    const declaration = { ...this.#parts.declaration, transport: /** @type {const} */ ("put"), ...checksums.declared(this.#checksum) };
    if (this.#hasStarted) return api.start(declaration, key);
    Object.assign(declaration, await this.#parts.head());
    const seat = this.#starting ?? this.#batch.starts.join();
    this.#starting = null;
    const record = await seat.add({ declaration, key });
    this.#hasStarted = true;
    return record;
  }

  /**
   * @param {UploadRecord} record
   * @param {AbortSignal} signal
   */
  async send(record, signal) {
    let { request } = record;
    this.#completing = this.#batch.completions.join();
    try {
      await this.#parts.delivery.deliver({
        owner: this.#batch,
        body: this.#parts.file,
        bytes: this.#bytes,
        whole: this.#parts.file,
        checksum: this.#checksum,
        checksums: this.#parts.checksums,
        signal,
        requestFor: async (refused) => {
          if (refused || !request) ({ request } = await untilAborted(this.start(), signal));
          if (!request) throw new UploadError("invalid_state", "This upload is no longer in progress, so it accepts no more data. For example, it was cancelled or has expired.");
          return request;
        },
        hostOf: () => hostOf(request),
        onProgress: (sent) => this.#parts.progress.reached(1, sent),
      });
    } catch (error) {
      this.#completing.leave();
      throw error;
    }
    this.#bytes = undefined;
    this.#parts.progress.finished(1, this.#parts.file.size);
  }

  /**
   * @param {UploadRecord} record
   * @returns {Promise<UploadRecord>}
   */
  complete(record) {
    return (this.#completing ?? this.#batch.completions.join()).add(record.id);
  }
}
