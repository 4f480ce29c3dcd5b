import { ApiError, DeliveryError, UploadError } from "./errors.js";
import { hostOf } from "./signer.js";
import { untilAborted } from "./abort.js";

const MAX_LOST = 4; // if this many forms of a file do not reach S3 although the site answers, send the file by PUT

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
  #forms;
  #hasStarted = false;
  #checksum = "";
  /** @type {ArrayBuffer | undefined} the content of the file, kept until S3 has received it */
  #bytes;
  /** @type {ReturnType<import("./batch.js").Batch["starts"]["join"]> | null} */
  #starting = null;
  /** @type {ReturnType<import("./batch.js").Batch["completions"]["join"]> | null} */
  #completing = null;

  /**
   * @param {TransferParts & {
   *   batch: import("./batch.js").Batch,
   *   checksums: import("./checksum.js").Checksums,
   *   forms: {areUsed: boolean},
   * }} parts `forms`: whether new uploads of all files use POST forms in place of PUTs. The browser sends no CORS preflight
   *   before a form, so a small file needs one round trip less than by a PUT. If a form fails, `areUsed` becomes false.
   */
  constructor({ batch, forms, ...parts }) {
    this.#parts = parts;
    this.#batch = batch;
    this.#forms = forms;
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
    const transport = this.#forms.areUsed && this.#bytes ? "post" : "put";
    const declaration = { ...this.#parts.declaration, transport: /** @type {"put" | "post"} */ (transport), ...checksums.declared(this.#checksum) };
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
    let lostForms = 0;
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
        requestFor: async ({ refused, lost }) => {
          if (lost && request?.fields) {
            if (await untilAborted(this.#hasArrived(record), signal)) return null;
            // For example, a firewall refuses forms with this content, and the browser hides its answer from the page.
            if (++lostForms === MAX_LOST) throw new UploadError("form_refused", "The storage does not receive the file by form.");
          }
          if (refused || !request) ({ request } = await untilAborted(this.start(), signal));
          if (!request) throw new UploadError("invalid_state", "This upload is no longer in progress, so it accepts no more data. For example, it was cancelled or has expired.");
          return request;
        },
        hostOf: () => hostOf(request),
        onProgress: (sent) => this.#parts.progress.reached(1, sent),
      });
    } catch (error) {
      this.#completing.leave();
      if (!request?.fields || !isRefusal(error)) throw error;
      await untilAborted(this.#giveUpForms(record), signal);
      throw new UploadError("form_refused", error.message, { cause: error });
    }
    this.#bytes = undefined;
    this.#parts.progress.finished(1, this.#parts.file.size);
  }

  /**
   * Return whether S3 has the file, after the answer to a form was lost. If S3 has the file, CORS may keep the answers to
   * forms from the page, so send the next files by PUT.
   *
   * @param {UploadRecord} record
   */
  async #hasArrived(record) {
    try {
      await this.#batch.completions.join().add(record.id);
    } catch (error) {
      if (error instanceof ApiError && error.code === "incomplete") return false;
      throw error;
    }
    this.#forms.areUsed = false;
    return true;
  }

  /**
   * Send the next files by PUT, and cancel this upload, so that the server frees its reserved bytes. `Upload` then starts
   * this file again.
   *
   * @param {UploadRecord} record
   */
  async #giveUpForms(record) {
    this.#forms.areUsed = false;
    await this.#parts.api.cancel(record.id).catch(() => {});
  }

  /**
   * @param {UploadRecord} record
   * @returns {Promise<UploadRecord>}
   */
  complete(record) {
    return (this.#completing ?? this.#batch.completions.join()).add(record.id);
  }
}

/**
 * Return whether an error of a form shows that a further form cannot help.
 *
 * @param {unknown} error
 * @returns {error is UploadError}
 */
function isRefusal(error) {
  if (error instanceof DeliveryError) return error.status > 0 && !error.retryable;
  return error instanceof UploadError && error.code === "form_refused";
}
