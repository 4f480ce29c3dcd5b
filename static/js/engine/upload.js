import { ApiError, UploadError, nullIfEnded } from "./errors.js";
import { Emitter } from "./emitter.js";
import { Progress } from "./progress.js";
import { ending, whenInspected } from "./verdict.js";
import { untilAborted } from "./abort.js";

/**
 * @typedef {import("./api.js").UploadRecord} UploadRecord
 * @typedef {"queued" | "sending" | "paused" | "checking" | "done" | "failed" | "cancelled"} UploadState
 * @typedef {{
 *   key: string,
 *   prepare: (signal: AbortSignal) => Promise<void>,
 *   start: () => Promise<UploadRecord>,
 *   send: (record: UploadRecord, signal: AbortSignal) => Promise<void>,
 *   complete: (record: UploadRecord, signal: AbortSignal) => Promise<UploadRecord>,
 * }} Transfer
 * @typedef {{
 *   state: UploadState, progress: {bytesSent: number, byteSize: number},
 *   done: UploadRecord, error: Error,
 *   started: UploadRecord, freed: null,
 * }} UploadEvents `started`: the server has reserved the bytes, and `record` is set. `freed`: the server has cancelled
 *   the upload and freed its reserved bytes.
 */

const MAX_ROUNDS = 5; // maximum number of times that the engine sends parts again because `complete` reports them as missing
const LOST = new Set(["invalid_state", "gone", "not_found"]);
const GIVEN_UP = new Set(["expired", "cancelled", "deleted"]);

/**
 * The upload of one file. The page gets this object as its handle.
 *
 * @extends {Emitter<UploadEvents>}
 */
export class Upload extends Emitter {
  #api;
  #pollPace;
  #gate;
  #createTransfer;
  #recognise;
  /** @type {Transfer | null} */
  #transfer = null;
  #progress;
  #wasGone = false;
  /** @type {AbortController | null} */
  #attempt = null;
  /** @type {Promise<UploadRecord> | null} */
  #starting = null;
  /** @type {UploadState} */
  #state = "queued";

  /**
   * @param {{
   *   file: File | Blob,
   *   filename: string,
   *   record?: UploadRecord | null,
   *   api: import("./api.js").Api,
   *   pollPace: import("./poll-pace.js").PollPace,
   *   gate: import("./lanes.js").Lanes,
   *   createTransfer: (upload: Upload, progress: Progress, again: boolean) => Transfer,
   *   recognise?: (signal: AbortSignal) => Promise<void>,
   *   onMove?: (bytes: number) => void,
   * }} parts `again`: an earlier attempt has failed, so start with a new Idempotency-Key.
   *   `recognise` throws `different_file` if the file does not belong to the record.
   */
  constructor({ file, filename, record = null, api, pollPace, gate, createTransfer, recognise, onMove }) {
    super();
    this.file = file;
    this.filename = filename;
    this.record = record;
    /** @type {Error | null} */
    this.error = null;
    this.#api = api;
    this.#pollPace = pollPace;
    this.#gate = gate;
    this.#createTransfer = createTransfer;
    this.#recognise = recognise;
    this.#progress = new Progress(file.size, (moved) => {
      onMove?.(moved);
      this.emit("progress", { bytesSent: this.bytesSent, byteSize: this.byteSize });
    });
    this.#transfer = createTransfer(this, this.#progress, false);
  }

  get state() {
    return this.#state;
  }

  get byteSize() {
    return this.file.size;
  }

  get bytesSent() {
    return this.#progress.bytesSent;
  }

  /** The Idempotency-Key of this upload. */
  get key() {
    return this.#transfer?.key ?? "";
  }

  /** A promise of the ready record. It rejects with the error of the upload, or with code `cancelled` after a cancel. */
  get finished() {
    return new Promise((resolve, reject) => {
      const settle = () => {
        if (this.#state === "done") resolve(this.record);
        else if (this.#state === "failed") reject(this.error);
        else if (this.#state === "cancelled") reject(new UploadError("cancelled", "The upload was cancelled."));
        else return;
        stop();
      };
      const stop = this.on("state", settle);
      settle();
    });
  }

  /** Start sending, or continue after a pause. */
  resume() {
    if (this.#attempt && !this.#attempt.signal.aborted) return;
    if (this.#state === "queued" || this.#state === "paused") void this.#run();
  }

  /** Stop sending at once. While the server checks the file, do nothing. */
  pause() {
    if (this.#state !== "queued" && this.#state !== "sending") return;
    this.#attempt?.abort();
    this.#become("paused");
  }

  /** Try again after a failure. Send only the parts that the bucket lacks. */
  retry() {
    if (this.#state !== "failed") return;
    this.error = null;
    void this.#run();
  }

  /**
   * Cancel the upload here and on the server. Resolve when the server has responded or cannot be reached.
   *
   * If the server cannot be reached, the upload expires later. A second call does nothing.
   */
  async cancel() {
    if (this.#state === "done" || this.#state === "cancelled") return;
    this.#attempt?.abort();
    this.#become("cancelled");
    try {
      // Wait for the response to a start in flight. Only the response contains the id of the upload to cancel.
      await this.#starting;
      const { record } = this;
      const isMine = !(this.error instanceof UploadError && this.error.code === "different_file");
      if (!record || !isMine || !["pending", "inspecting"].includes(record.state)) return;
      await this.#api.cancel(record.id);
      this.emit("freed", null);
    } catch {
      // The start failed, or the server cannot be reached.
    }
  }

  async #run() {
    const attempt = new AbortController();
    const { signal } = attempt;
    this.#attempt = attempt;
    this.#become("queued");
    try {
      const record = await this.#gate.run(this.#gate, signal, () => this.#bring(signal));
      if (signal.aborted) return;
      this.record = record;
      this.#progress.ready();
      this.#become("done");
      this.emit("done", record);
    } catch (error) {
      if (signal.aborted) return; // the upload was paused or cancelled
      this.error = /** @type {Error} */ (error);
      this.#become("failed");
      this.emit("error", this.error);
    }
  }

  /**
   * Send the missing bytes, complete the upload, and wait until the record is `ready`.
   *
   * @param {AbortSignal} signal
   * @returns {Promise<UploadRecord>}
   */
  async #bring(signal) {
    this.#become("sending");
    let record = await this.#begin(signal);
    for (let round = 0; record.state === "pending"; round += 1) {
      try {
        await this.#mine().send(record, signal);
        this.#become("checking");
        record = await untilAborted(this.#mine().complete(record, signal), signal);
      } catch (error) {
        signal.throwIfAborted();
        record = await this.#recover(error, record, round, signal);
        if (record.state === "pending") this.#become("sending");
      }
      this.record = record;
    }
    this.#become("checking");
    return this.#verdict(record, signal);
  }

  /**
   * @param {AbortSignal} signal
   * @returns {Promise<UploadRecord>}
   */
  async #begin(signal) {
    await this.#recognise?.(signal);
    this.#recognise = undefined;
    if (!this.record) await this.#mine().prepare(signal);
    const record = this.record ?? (await this.#start(signal).catch(nullIfEnded));
    if (record && !GIVEN_UP.has(record.state)) return record;
    this.#startOver();
    await this.#mine().prepare(signal);
    return this.#start(signal);
  }

  /**
   * Start the upload on the server. A pause ends only the wait for the response. The request itself continues, because
   * its response contains the id of the upload.
   *
   * @param {AbortSignal} signal
   */
  #start(signal) {
    this.#starting ??= this.#mine()
      .start()
      .then((record) => (this.emit("started", (this.record = record)), record))
      .finally(() => (this.#starting = null));
    return untilAborted(this.#starting, signal);
  }

  #mine() {
    this.#transfer ??= this.#createTransfer(this, this.#progress, true);
    return this.#transfer;
  }

  #startOver() {
    this.record = null;
    this.#wasGone = false;
    this.#transfer = null;
    this.#progress.found([]);
  }

  /**
   * After a failure, return a record with which the upload can continue. Throw the error if the upload cannot continue.
   *
   * @param {unknown} error
   * @param {UploadRecord} record
   * @param {number} round
   * @param {AbortSignal} signal
   * @returns {Promise<UploadRecord>}
   */
  async #recover(error, record, round, signal) {
    const code = error instanceof UploadError ? error.code : "";
    if (code === "incomplete" && round < MAX_ROUNDS) return record;
    if (code === "form_refused") {
      this.#startOver(); // `Single` has cancelled this upload
      return this.#begin(signal);
    }
    if (!LOST.has(code)) throw error;
    // A notification or another tab may have completed the upload, or somebody may have cancelled it. Ask the server.
    const found = await this.#fetch(record.id, signal);
    if (found.state !== "pending") return found;
    if (code === "gone" && !this.#wasGone) {
      this.#wasGone = true; // the server may have opened a new multipart upload for this file; send all parts that the new one lacks
      return found;
    }
    this.#startOver(); // the bucket has lost the parts. Cancel the upload below, so that the server frees its reserved bytes.
    void this.#api.cancel(record.id).catch(() => {});
    throw error;
  }

  /** @param {string} id @param {AbortSignal} signal */
  async #fetch(id, signal) {
    try {
      return await this.#api.get(id, { signal });
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) this.#startOver();
      throw error;
    }
  }

  /**
   * @param {UploadRecord} record
   * @param {AbortSignal} signal
   * @returns {Promise<UploadRecord>}
   */
  async #verdict(record, signal) {
    const fetchAgain = async () => (this.record = await this.#fetch(record.id, signal));
    const judged = await whenInspected(record, fetchAgain, this.#pollPace, signal);
    if (judged.state === "ready") return judged;
    this.#startOver();
    throw ending(judged);
  }

  /** @param {UploadState} state */
  #become(state) {
    if (this.#state !== state) this.emit("state", (this.#state = state));
  }
}
