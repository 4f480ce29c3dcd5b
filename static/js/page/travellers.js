/**
 * One file in the progress card.
 *
 * @typedef {{
 *   id: string, serverId: string, name: string, contentType: string, byteSize: number, bytesSent: number,
 *   state: import("../engine/upload.js").UploadState, message: string, code: string, preview: string,
 *   retry: () => void, remove: () => void,
 * }} Traveller
 * @typedef {import("../engine/upload.js").Upload} Upload
 */

/** All files under way or just arrived: those chosen in Uppy, and those continued from an earlier visit. */
export class Travellers {
  #uppy;
  #plugin;
  /** @type {Map<Upload, string>} */
  #continued = new Map();

  /**
   * @param {import("./chooser.js").AnyUppy} uppy
   * @param {import("../uppy-s3.js").SlipwayS3} plugin
   */
  constructor(uppy, plugin) {
    this.#uppy = uppy;
    this.#plugin = plugin;
  }

  /** @param {Upload} handle */
  follow(handle) {
    this.#continued.set(handle, `continued-${this.#continued.size}`);
  }

  /** @returns {Traveller[]} */
  list() {
    const chosen = this.#uppy.getFiles().filter(({ progress, error }) => progress.uploadStarted || error);
    return [
      ...[...this.#continued].map(([handle, id]) => this.#ofHandle(handle, id)),
      ...chosen.map((file) => this.#ofFile(file)),
    ];
  }

  /** Forget those that have arrived. */
  clearDone() {
    for (const handle of this.#continued.keys()) {
      if (handle.state === "done" || handle.state === "cancelled") this.#continued.delete(handle);
    }
    const done = this.#uppy.getFiles().filter(({ progress }) => progress.uploadComplete);
    this.#uppy.removeFiles(done.map(({ id }) => id));
  }

  /** Give up all that is still under way or failed, and forget the rest. */
  cancelAll() {
    for (const handle of this.#continued.keys()) void handle.cancel();
    this.#continued.clear();
    this.#uppy.cancelAll();
  }

  pauseAll() {
    for (const handle of this.#continued.keys()) handle.pause();
    this.#uppy.pauseAll();
  }

  resumeAll() {
    for (const handle of this.#continued.keys()) handle.resume();
    this.#uppy.resumeAll();
  }

  /**
   * @param {Upload} handle
   * @returns {string} blob URL of a small picture of its file, or "" where there is none yet
   */
  previewOf(handle) {
    return this.#uppy.getFiles().find(({ id }) => this.#plugin.handleFor(id) === handle)?.preview ?? "";
  }

  /** @returns {Set<string>} the server's ids of what this tab is busy with */
  serverIds() {
    const ids = this.#uppy.getFiles().map((file) => /** @type {any} */ (file).slipway?.uploadId);
    const continued = [...this.#continued.keys()].map(({ record }) => record?.id);
    return new Set([...ids, ...continued].filter(Boolean));
  }

  /**
   * @param {import("@uppy/core").UppyFile<any, any>} file
   * @returns {Traveller}
   */
  #ofFile(file) {
    const handle = this.#plugin.handleFor(file.id);
    const isDone = Boolean(file.progress.uploadComplete);
    return {
      id: file.id,
      serverId: idOf(handle) || /** @type {any} */ (file).slipway?.uploadId || "",
      name: file.name ?? "",
      contentType: file.type ?? "",
      byteSize: file.size ?? 0,
      bytesSent: isDone ? (file.size ?? 0) : (handle?.bytesSent ?? 0),
      state: isDone ? "done" : file.error ? "failed" : (handle?.state ?? "queued"),
      // Uppy forgets the errors of all files when one is continued.
      message: file.error || handle?.error?.message || "",
      code: codeOf(handle),
      preview: file.preview ?? "",
      retry: () => void this.#uppy.retryUpload(file.id),
      remove: () => this.#uppy.removeFile(file.id),
    };
  }

  /**
   * @param {Upload} handle
   * @param {string} id
   * @returns {Traveller}
   */
  #ofHandle(handle, id) {
    return {
      id,
      serverId: idOf(handle),
      name: handle.filename,
      contentType: handle.record?.content_type ?? handle.file.type,
      byteSize: handle.byteSize,
      bytesSent: handle.bytesSent,
      state: handle.state,
      message: handle.error?.message ?? "",
      code: codeOf(handle),
      preview: "",
      retry: () => handle.retry(),
      remove: () => {
        this.#continued.delete(handle);
        void handle.cancel();
      },
    };
  }
}

/** @param {Upload | undefined} handle */
const codeOf = (handle) => /** @type {{code?: string} | null} */ (handle?.error ?? null)?.code ?? "";

/** @param {Upload | undefined} handle */
const idOf = (handle) =>
  /** @type {{uploadId?: string} | null} */ (handle?.error ?? null)?.uploadId || handle?.record?.id || "";
