import { Api } from "./api.js";
import { Batch } from "./batch.js";
import { Clock } from "./clock.js";
import { Connectivity } from "./connectivity.js";
import { Delivery } from "./delivery.js";
import { Digests } from "./digests.js";
import { Emitter } from "./emitter.js";
import { declaredType } from "./content-type.js";
import { Lanes } from "./lanes.js";
import { Large } from "./large.js";
import { PollPace } from "./poll-pace.js";
import { Put } from "./put.js";
import { Retry } from "./retry.js";
import { Single } from "./single.js";
import { SpeedMeter } from "./speed.js";
import { Upload } from "./upload.js";
import { randomHex } from "./random-hex.js";
import { readHead } from "./head.js";
import { recognise } from "./identity.js";
import { workerFactory } from "./worker-url.js";

/**
 * @typedef {import("./api.js").UploadRecord} UploadRecord
 * @typedef {{
 *   files: number, done: number, failed: number, paused: number,
 *   bytes: number, bytesSent: number, bytesPerSecond: number, secondsLeft: number | null,
 *   stalled: boolean, offline: boolean, active: boolean,
 * }} Totals
 * @typedef {{
 *   csrfToken?: () => string,
 *   user?: string,
 *   workerUrl?: string, checksumAlgorithm?: string,
 *   restrictsTypes?: () => boolean,
 *   isWatched?: () => boolean,
 *   inquiry?: import("./inquiry.js").Inquiry, base?: string,
 *   lanes?: number, hosts?: number, lineMemory?: {isFast: boolean},
 *   putLimit?: number, usesForms?: boolean,
 *   clock?: Clock,
 *   connectivity?: Connectivity,
 *   random?: () => number,
 *   newKey?: () => string,
 *   fetch?: typeof globalThis.fetch,
 *   createXhr?: () => XMLHttpRequest,
 *   checksums?: import("./checksum.js").Checksums, createWorker?: (name?: string) => import("./hasher.js").HashWorker,
 *   pace?: import("./pace.js").Pace,
 * }} EngineOptions `clock` and all options below it are replacements for tests; static/js/README.md describes most others
 * @typedef {{filename?: string, relativePath?: string, contentType?: string, key?: string, isPaused?: boolean}} AddOptions
 *   `key`: the `key` of an earlier handle; the engine continues the upload of this handle. `isPaused`: the upload waits for `resume`.
 */

const MIB = 1024 * 1024;
const HEAD_FROM = MIB; // the start request of a larger file contains the file's first 4 KiB
const MAX_SMALL_AT_ONCE = 600; // 200 that start, 200 that are sent, 200 that complete; with more, URLs would expire before their use
const LANES = 6; // browsers open at most six connections to one host
const TICK_MS = 250;
const MOVING = new Set(["queued", "sending", "checking"]);

/** @param {EngineOptions} [options] */
export function createEngine(options = {}) {
  return new Engine(options);
}

/**
 * Sends files to S3. All files share six lanes (parallel connections).
 *
 * @extends {Emitter<{
 *   totals: Totals,
 *   active: boolean,
 *   added: {upload: Upload, declaration: import("./api.js").Declaration},
 *   settled: Upload,
 *   freed: Upload,
 * }>}
 */
export class Engine extends Emitter {
  #options;
  #forms;
  #clock;
  #connectivity;
  #digests;
  #delivery;
  #batch;
  #meter;
  #newKey;
  #pollPace;
  #smallGate;
  #largeGate;
  /** @type {Set<Upload>} */
  #uploads = new Set();
  /** @type {Set<Upload>} */
  #moving = new Set();

  /** @param {EngineOptions} options */
  constructor(options) {
    super();
    const { clock = new Clock(), connectivity = new Connectivity(), random, lanes: max = LANES } = options;
    const retry = new Retry({ clock, connectivity, random });
    const { checksums, checksumAlgorithm: name, createWorker = workerFactory(options.workerUrl) } = options;
    this.#digests = new Digests({ name, checksums, createWorker, clock });
    const lanes = new Lanes({ clock, max, hosts: options.hosts, lineMemory: options.lineMemory, pace: options.pace });
    this.api = new Api({ clock, retry, csrfToken: options.csrfToken, user: options.user, base: options.base, fetch: options.fetch });
    this.lanes = lanes;
    this.#options = options;
    this.#forms = { areUsed: options.usesForms ?? false };
    this.#clock = clock;
    this.#connectivity = connectivity;
    this.#newKey = options.newKey ?? randomHex;
    this.#pollPace = new PollPace({ clock, isWatched: options.isWatched });
    const sender = new Put({ clock, connectivity, createXhr: options.createXhr });
    const put = options.inquiry?.watch(sender) ?? sender;
    this.#delivery = new Delivery({ put, lanes, retry });
    this.#meter = new SpeedMeter({ clock });
    this.#largeGate = new Lanes({ clock, max });
    const gate = new Lanes({ clock, max: MAX_SMALL_AT_ONCE });
    this.#smallGate = gate;
    this.#batch = new Batch({ api: this.api, retry, clock, expectsMore: () => gate.crowded });
  }

  /**
   * Send a file. With `key`, continue the upload that was started with this key.
   *
   * @param {File | Blob} file
   * @param {AddOptions} [options]
   * @returns {Upload}
   */
  add(file, { key, ...options } = {}) {
    return this.#launch(file, { ...options, key, large: file.size > (this.#options.putLimit ?? 16 * MIB) });
  }

  /**
   * Continue an unfinished upload from the server's list.
   *
   * If `file` is not the file of this upload, the handle fails with code `different_file`.
   *
   * @param {UploadRecord} record
   * @param {File | Blob} file
   * @returns {Upload}
   */
  resume(record, file) {
    const large = record.transport === "multipart";
    return this.#launch(file, {
      filename: nameOf(file) || record.filename,
      relativePath: record.relative_path,
      contentType: record.content_type,
      large,
      record: large ? record : null,
      recognise: async (upload, signal) => {
        await recognise(record, file, upload.filename, (blob) => this.#digests.fingerprints.checksum(blob, upload, signal));
        if (!large) await this.api.cancel(record.id, { signal }); // a small file is sent as a new upload, which replaces this one
      },
    });
  }

  pauseAll() {
    for (const upload of this.#uploads) upload.pause();
  }

  resumeAll() {
    for (const upload of this.#uploads) upload.resume();
  }

  async cancelAll() {
    await Promise.all([...this.#uploads].map((upload) => upload.cancel()));
  }

  /** Remove done and failed uploads, so that the totals count from zero. */
  reset() {
    for (const upload of this.#uploads) {
      if (upload.state === "done" || upload.state === "failed") this.#uploads.delete(upload);
    }
  }

  get active() {
    return this.#moving.size > 0;
  }

  /** @returns {Totals} */
  get totals() {
    const totals = { files: this.#uploads.size, done: 0, failed: 0, paused: 0, bytes: 0, bytesSent: 0 };
    let bytesLeft = 0;
    for (const { state, byteSize, bytesSent } of this.#uploads) {
      totals.bytes += byteSize;
      totals.bytesSent += bytesSent;
      if (state === "done" || state === "failed" || state === "paused") totals[state] += 1;
      if (state === "queued" || state === "sending") bytesLeft += byteSize - bytesSent;
    }
    return {
      ...totals,
      bytesPerSecond: this.active ? this.#meter.bytesPerSecond : 0,
      secondsLeft: this.active ? this.#meter.secondsFor(bytesLeft) : null,
      stalled: this.active && bytesLeft > 0 && this.#meter.stalled,
      offline: this.#connectivity.offline,
      active: this.active,
    };
  }

  /**
   * @typedef {AddOptions & {
   *   large: boolean,
   *   record?: UploadRecord | null,
   *   recognise?: (upload: Upload, signal: AbortSignal) => Promise<void>,
   * }} LaunchOptions
   *
   * @param {File | Blob} file
   * @param {LaunchOptions} options
   */
  #launch(file, { filename = nameOf(file), relativePath, contentType = file.type, key, isPaused, large, record, recognise: check }) {
    if (!this.active && [...this.#uploads].every(({ state }) => state !== "paused")) this.reset();
    const declaration = {
      filename,
      byte_size: file.size,
      content_type: record?.content_type ?? declaredType(contentType),
      ...(relativePath ? { relative_path: relativePath } : {}),
    };
    /** @type {Upload} */
    const upload = new Upload({
      file,
      filename,
      record,
      api: this.api,
      pollPace: this.#pollPace,
      gate: large ? this.#largeGate : this.#smallGate,
      recognise: check && ((signal) => check(upload, signal)),
      onMove: (bytes) => this.#meter.moved(bytes),
      createTransfer: (owner, progress, again) => {
        const known = !again && Boolean(key || record);
        const asks = file.size > HEAD_FROM || Boolean(this.#options.restrictsTypes?.());
        const head = async () => (asks ? readHead(file) : {});
        const parts = { file, declaration, head, known, owner, progress, key: (!again && key) || this.#newKey() };
        return large ? this.#large(parts) : this.#single(parts);
      },
    });
    if (isPaused) upload.pause();
    this.#follow(upload);
    this.emit("added", { upload, declaration });
    if (!isPaused) upload.resume();
    return upload;
  }

  /** @param {Pick<import("./single.js").TransferParts, "file" | "declaration" | "head" | "key" | "known" | "owner" | "progress">} parts */
  #single(parts) {
    const { api } = this;
    return new Single({ ...parts, api, forms: this.#forms, checksums: this.#digests.chosen, delivery: this.#delivery, batch: this.#batch });
  }

  /** @param {Pick<import("./single.js").TransferParts, "file" | "declaration" | "head" | "key" | "known" | "owner" | "progress">} parts */
  #large(parts) {
    return new Large({
      ...parts,
      api: this.api,
      digests: this.#digests,
      delivery: this.#delivery,
      clock: this.#clock,
      bytesPerSecond: () => this.#meter.bytesPerSecond,
      line: { lanes: (this.#options.lanes ?? LANES) * (this.#options.hosts ?? 1), usual: this.#options.putLimit },
    });
  }

  /** @param {Upload} upload */
  #follow(upload) {
    this.#uploads.add(upload);
    upload.on("state", (state) => {
      if (state === "cancelled") this.#uploads.delete(upload);
      if (state === "done" || state === "failed" || state === "cancelled") this.emit("settled", upload);
      this.#setMoving(upload, MOVING.has(state));
    });
    upload.on("freed", () => this.emit("freed", upload));
    this.#setMoving(upload, MOVING.has(upload.state));
  }

  /**
   * @param {Upload} upload
   * @param {boolean} moving
   */
  #setMoving(upload, moving) {
    const was = this.active;
    if (moving) this.#moving.add(upload);
    else this.#moving.delete(upload);
    if (was === this.active) return;
    if (this.active) {
      this.#meter.begin();
      this.#clock.after(TICK_MS, () => this.#tick());
    } else {
      this.emit("totals", this.totals);
    }
    this.emit("active", this.active);
  }

  #tick() {
    if (!this.active) return;
    this.emit("totals", this.totals);
    this.#clock.after(TICK_MS, () => this.#tick());
  }
}

/** @param {File | Blob} file */
function nameOf(file) {
  return "name" in file ? file.name : "";
}
