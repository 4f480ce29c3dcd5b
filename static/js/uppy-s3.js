import { BasePlugin } from "@uppy/core";

/**
 * @typedef {import("./engine/upload.js").Upload} Upload
 * @typedef {import("@uppy/core").Meta} Meta
 * @typedef {{state?: string}} Body the server's upload
 * @typedef {import("@uppy/core").UppyFile<Meta, any> & {slipway?: {uploadId?: string, key: string}}} File
 * @typedef {{engine: import("./engine/engine.js").Engine, id?: string, locale?: any}} Options
 * @typedef {{handle: Upload, started: number, reported: number, finish: () => void}} Running
 */

const REPORT_MS = 150;
const REMEMBER_MS = 250;
const SMALL = 1024 * 1024; // each change of a file copies Uppy's list of all files: of thousands only the ends are told

/**
 * Uppy uploader plugin: hands each file to the engine, and tells Uppy what becomes of it.
 *
 * @extends {BasePlugin<Options, Meta, any>}
 */
export class SlipwayS3 extends BasePlugin {
  /** @type {Map<string, Running>} by Uppy's file id; stays after a failure, for the retry */
  #running = new Map();
  /** @type {Map<string, {slipway: {uploadId?: string, key: string}}>} to be kept with the next turn */
  #unsaved = new Map();

  /**
   * @param {import("@uppy/core").Uppy<Meta, any>} uppy
   * @param {Options} options
   */
  constructor(uppy, options) {
    super(uppy, options);
    this.type = "uploader";
    this.id = options.id ?? "SlipwayS3";
    this.defaultLocale = { strings: { checking: "Checking", chooseAgain: "Choose this file again to go on." } };
    this.i18nInit();
  }

  install() {
    this.#setCapabilities({ resumableUploads: true, individualCancellation: true });
    this.uppy.addUploader(this.#uploadAll);
    this.uppy.on("file-removed", this.#cancel);
    this.uppy.on("upload-pause", this.#pauseOrResume);
    this.uppy.on("pause-all", this.#pauseAll);
    this.uppy.on("resume-all", this.#resumeAll);
    this.uppy.on("cancel-all", this.#cancelAll);
  }

  uninstall() {
    this.#setCapabilities({ resumableUploads: false });
    this.uppy.removeUploader(this.#uploadAll);
    this.uppy.off("file-removed", this.#cancel);
    this.uppy.off("upload-pause", this.#pauseOrResume);
    this.uppy.off("pause-all", this.#pauseAll);
    this.uppy.off("resume-all", this.#resumeAll);
    this.uppy.off("cancel-all", this.#cancelAll);
  }

  /**
   * @param {string} fileID
   * @returns {Upload | undefined} the engine's handle while the file is on its way
   */
  handleFor(fileID) {
    return this.#running.get(fileID)?.handle;
  }

  /** @param {Partial<{resumableUploads: boolean, individualCancellation: boolean}>} changes */
  #setCapabilities(changes) {
    const { capabilities } = this.uppy.getState();
    this.uppy.setState({ capabilities: { ...capabilities, ...changes } });
  }

  /** @type {import("@uppy/core").Processor} */
  #uploadAll = async (fileIDs) => {
    const files = /** @type {File[]} */ (this.uppy.getFilesByIds(fileIDs))
      .filter((file) => file && !file.error && !file.progress.uploadComplete)
      .sort(asPeopleCount);
    // A restored file keeps its progress: announcing it would set the bar back to nothing.
    const fresh = files.filter((file) => !file.progress.uploadStarted || !file.isRestored);
    if (fresh.length > 0) this.uppy.emit("upload-start", fresh);
    await Promise.all(files.map((file) => this.#upload(file)));
  };

  /**
   * Resolve when the file is done, failed or removed: a rejection would end the whole batch.
   *
   * @param {File} file
   * @returns {Promise<void>}
   */
  async #upload(file) {
    if (!file.data || !(file.data instanceof Blob)) {
      this.uppy.emit("upload-error", file, new Error(this.i18n("chooseAgain")));
      return;
    }
    const handle = this.#handleOf(file, file.data);
    const running = { handle, started: file.progress.uploadStarted ?? Date.now(), reported: 0, finish: () => {} };
    this.#running.set(file.id, running);
    const finished = new Promise((resolve) => {
      running.finish = () => resolve(undefined);
    });
    const stops = [
      handle.on("progress", () => {
        this.#remember(file.id, handle);
        this.#report(file.id, running);
      }),
      handle.on("state", (state) => this.#showState(file.id, running, state)),
      handle.on("done", (record) => this.#succeed(file.id, running, record)),
      handle.on("error", (error) => this.#fail(file.id, running, error)),
    ];
    if (file.isPaused) handle.pause();
    else handle.retry();
    this.#remember(file.id, handle);
    this.#report(file.id, running, { now: true });
    await finished;
    for (const stop of stops) stop();
  }

  /**
   * @param {File} file
   * @param {Blob} data
   */
  #handleOf(file, data) {
    const former = this.#running.get(file.id);
    if (former && former.handle.file === data && former.handle.state === "failed") return former.handle;
    const { relativePath } = file.meta;
    return this.opts.engine.add(data, {
      filename: file.meta.name || file.name,
      relativePath: typeof relativePath === "string" ? relativePath : undefined,
      contentType: file.type,
      key: file.slipway?.key || undefined,
    });
  }

  /**
   * @param {string} fileID
   * @param {Running} running
   * @param {{now?: boolean}} [options]
   */
  #report(fileID, running, { now = false } = {}) {
    const { bytesSent, byteSize } = running.handle;
    const time = Date.now();
    if (byteSize < SMALL || (!now && time - running.reported < REPORT_MS)) return;
    running.reported = time;
    const file = this.uppy.getFile(fileID);
    if (!file || file.progress.uploadComplete) return;
    this.uppy.emit("upload-progress", file, {
      uploadStarted: running.started,
      // After a restore the bucket is yet to be asked: until then what Uppy kept is shown on.
      bytesUploaded: Math.max(bytesSent, Number(file.progress.bytesUploaded)),
      bytesTotal: byteSize,
    });
  }

  /**
   * @param {string} fileID
   * @param {Running} running
   * @param {import("./engine/upload.js").UploadState} state
   */
  #showState(fileID, running, state) {
    this.#remember(fileID, running.handle);
    this.#report(fileID, running, { now: true });
    const file = this.uppy.getFile(fileID);
    const checking = state === "checking" && running.handle.byteSize >= SMALL;
    if (file && checking !== Boolean(file.progress.postprocess)) {
      const postprocess = checking ? { mode: "indeterminate", message: this.i18n("checking") } : undefined;
      this.uppy.setFileState(fileID, { progress: /** @type {any} */ ({ ...file.progress, postprocess }) });
    }
    if (state === "cancelled") running.finish();
  }

  /**
   * Keep what finds the upload again, where Golden Retriever keeps the file; many files in one turn.
   *
   * @param {string} fileID
   * @param {Upload} handle
   */
  #remember(fileID, { record, key }) {
    const kept = this.#unsaved.get(fileID)?.slipway ?? /** @type {File} */ (this.uppy.getFile(fileID))?.slipway;
    if (kept?.key === key && kept.uploadId === record?.id) return;
    if (this.#unsaved.size === 0) setTimeout(this.#save, REMEMBER_MS);
    this.#unsaved.set(fileID, { slipway: { uploadId: record?.id, key } });
  }

  #save = () => {
    const present = [...this.#unsaved].filter(([fileID]) => this.uppy.getFile(fileID));
    this.#unsaved.clear();
    if (present.length > 0) this.uppy.patchFilesState(/** @type {any} */ (Object.fromEntries(present)));
  };

  /**
   * @param {string} fileID
   * @param {Running} running
   * @param {import("./engine/api.js").UploadRecord} record
   */
  #succeed(fileID, running, record) {
    const file = this.uppy.getFile(fileID);
    this.#running.delete(fileID);
    if (file) {
      this.uppy.emit("upload-success", file, {
        status: 200,
        body: record,
        uploadURL: this.opts.engine.api.downloadUrl(record.id),
        bytesUploaded: running.handle.byteSize,
      });
    }
    running.finish();
  }

  /**
   * @param {string} fileID
   * @param {Running} running
   * @param {Error} error
   */
  #fail(fileID, running, error) {
    const file = this.uppy.getFile(fileID);
    if (file) this.uppy.emit("upload-error", file, error);
    running.finish();
  }

  #cancel = (/** @type {{id: string}} */ { id }) => {
    const running = this.#running.get(id);
    this.#running.delete(id);
    void running?.handle.cancel();
    running?.finish();
  };

  #cancelAll = () => {
    for (const id of [...this.#running.keys()]) this.#cancel({ id });
  };

  #pauseOrResume = (/** @type {{id: string} | undefined} */ file, /** @type {boolean} */ isPaused) => {
    const handle = file && this.handleFor(file.id);
    if (isPaused) handle?.pause();
    else handle?.resume();
  };

  #pauseAll = () => {
    for (const { handle } of this.#running.values()) handle.pause();
  };

  #resumeAll = () => {
    for (const { handle } of this.#running.values()) handle.resume();
  };
}

const { compare } = new Intl.Collator(undefined, { numeric: true });

/**
 * Part 2 before part 10: a browser hands a folder over in no order at all.
 *
 * @param {File} one
 * @param {File} other
 */
const asPeopleCount = (one, other) => compare(placeOf(one), placeOf(other));

/** @param {File} file */
const placeOf = ({ name, meta: { relativePath } }) => (typeof relativePath === "string" && relativePath) || name || "";
