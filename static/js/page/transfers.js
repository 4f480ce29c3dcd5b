import { ENDED, isInProgress } from "./attempt.js";
import { FINAL_CODES } from "./final-codes.js";
import { fileKey } from "./picker/same-file.js";

/**
 * @typedef {import("../engine/upload.js").Upload} Upload
 * @typedef {import("./picker/chosen.js").Item} Item
 * @typedef {Pick<import("../engine/engine.js").Engine, "add" | "resume" | "api">} Engine
 */

/** Error codes after which the page asks the person to choose the file again. */
const CHOOSE_AGAIN = new Set(["different_file", "unreadable"]);

let made = 0;

/** One file in the progress card. Its properties come from the engine's upload handle, so they are always current. */
export class Transfer {
  #handle;
  #forget;

  /**
   * @param {Upload} handle
   * @param {{path: string, contentType: string}} facts
   * @param {() => void} forget removes this transfer from its Transfers
   */
  constructor(handle, { path, contentType }, forget) {
    this.id = `transfer-${(made += 1)}`;
    this.path = path;
    this.contentType = contentType;
    this.#handle = handle;
    this.#forget = forget;
  }

  get handle() {
    return this.#handle;
  }

  get file() {
    return this.#handle.file;
  }

  get name() {
    return this.#handle.filename;
  }

  get byteSize() {
    return this.#handle.byteSize;
  }

  get bytesSent() {
    return this.#handle.bytesSent;
  }

  get state() {
    return this.#handle.state;
  }

  /** The upload id, or "" before the server has started the upload. After a rejection, the id of the rejected upload. */
  get serverId() {
    const { error, record } = this.#handle;
    return /** @type {{uploadId?: string} | null} */ (error)?.uploadId || record?.id || "";
  }

  get message() {
    return this.#handle.error?.message ?? "";
  }

  get code() {
    return /** @type {{code?: string} | null} */ (this.#handle.error)?.code ?? "";
  }

  /** True if a retry would fail with the same error. */
  get isFinal() {
    return FINAL_CODES.has(this.code);
  }

  /** True if the page asks the person to choose the file again. */
  get isAskedFor() {
    return this.state === "failed" && CHOOSE_AGAIN.has(this.code);
  }

  /**
   * Check whether `item` has the same path, size and time as this file.
   *
   * @param {Item} item
   */
  looksLike(item) {
    return fileKey(this) === fileKey({ ...item, path: item.path || this.path });
  }

  retry() {
    this.#handle.retry();
  }

  /** Cancel the upload, and remove it from its Transfers. */
  remove() {
    this.#forget();
    void this.#handle.cancel();
  }
}

/** All uploads of the progress card: waiting, in progress, failed or done. Some of them continue an upload of an earlier visit. */
export class Transfers {
  #engine;
  /** @type {Map<Upload, Transfer>} */
  #transfers = new Map();
  /** @type {Map<string, Set<Transfer>>} */
  #byKey = new Map();
  /** @type {Set<Transfer>} */
  #failed = new Set();
  /** @type {Transfer[] | null} */
  #listed = null;

  /** @param {Engine} engine */
  constructor(engine) {
    this.#engine = engine;
  }

  /**
   * Start the upload of a file. With `isPaused`, the upload waits until it is resumed.
   *
   * @param {Item} item
   * @param {{isPaused?: boolean}} [options]
   */
  send(item, { isPaused = false } = {}) {
    const { file, name, path } = item;
    const handle = this.#engine.add(file, { filename: name, relativePath: path || undefined, contentType: file.type, isPaused });
    return this.follow(handle, path);
  }

  /**
   * Add an upload that the engine has already started.
   *
   * @param {Upload} handle
   * @param {string} [path]
   * @returns {Transfer}
   */
  follow(handle, path = handle.record?.relative_path ?? "") {
    const contentType = handle.record?.content_type ?? handle.file.type;
    const transfer = new Transfer(handle, { path, contentType }, () => this.#forget(transfer));
    this.#transfers.set(handle, transfer);
    const key = fileKey(transfer);
    const alike = this.#byKey.get(key);
    if (alike) alike.add(transfer);
    else this.#byKey.set(key, new Set([transfer]));
    this.#listed = null;
    handle.on("state", (state) => void (state === "failed" ? this.#failed.add(transfer) : this.#failed.delete(transfer)));
    return transfer;
  }

  /** @returns {Transfer[]} */
  list() {
    this.#listed ??= [...this.#transfers.values()];
    return this.#listed;
  }

  /**
   * Return the files with this `fileKey` whose uploads have neither ended nor failed.
   *
   * @param {string} key
   */
  sending(key) {
    return this.#alike(key).map(({ file }) => file);
  }

  /**
   * @param {Item} item
   * @returns {Blob[]} files with the same path, size and time whose uploads have neither ended nor failed
   */
  alike(item) {
    return this.sending(fileKey(item));
  }

  /**
   * Return the failed transfer that `item` may replace, or undefined. Such a transfer has the same path, size and time as
   * `item`, or the page asks the person for a file with the name of `item`.
   *
   * @param {Item} item
   * @returns {Transfer | undefined}
   */
  toReplace(item) {
    const failed = [...this.#failed].filter(({ name }) => name === item.name);
    const same = failed.find((one) => fileKey(one) === fileKey(item));
    const asked = failed.filter(({ isAskedFor }) => isAskedFor);
    const inPlace = asked.find(({ path }) => path === item.path);
    // A file that was chosen without its folder has no path. Its name is enough, if the page asks for only one file of this name.
    const alone = !item.path && asked.length === 1 ? asked[0] : undefined;
    return same ?? inPlace ?? alone;
  }

  /**
   * Send `item` instead of the failed file. If the failed upload is still pending, continue or cancel it.
   *
   * @param {Transfer} failed
   * @param {Item} item
   */
  async replace(failed, item) {
    if (!failed.isFinal && failed.looksLike(item)) return failed.retry();
    const { handle, code, path } = failed;
    const { record } = handle;
    const isOpen = record?.state === "pending" && code === "unreadable";
    if (isOpen && record.transport === "multipart" && failed.looksLike(item)) {
      // The file is readable again, for example because the USB stick is plugged in again. Send only the missing parts.
      this.dismiss(failed);
      this.follow(this.#engine.resume(record, item.file), path);
      return undefined;
    }
    // Wait for the cancellation, because the quota may be too small for both uploads.
    if (isOpen) await this.#engine.api.cancel(record.id).catch(() => {});
    this.send({ ...item, path: item.path || path });
    this.dismiss(failed);
    return undefined;
  }

  /**
   * Remove a failed file from the card. Do not cancel its upload on the server.
   *
   * @param {Transfer} failed
   */
  dismiss(failed) {
    failed.handle.record = null; // without a record, `remove` sends no request to the server
    failed.remove();
  }

  /** Remove the uploads that are done or cancelled. */
  clearDone() {
    for (const transfer of this.list()) if (ENDED.has(transfer.state)) this.#forget(transfer);
  }

  /** Cancel all uploads in progress, and remove all uploads. */
  cancelAll() {
    const handles = [...this.#transfers.keys()];
    this.#transfers.clear();
    this.#byKey.clear();
    this.#failed.clear();
    this.#listed = null;
    for (const handle of handles) void handle.cancel();
  }

  pauseAll() {
    for (const handle of this.#transfers.keys()) handle.pause();
  }

  resumeAll() {
    for (const handle of this.#transfers.keys()) handle.resume();
  }

  /** @returns {Set<string>} the upload ids of all files in the card */
  serverIds() {
    return new Set(this.list().flatMap(({ serverId }) => serverId || []));
  }

  /**
   * @param {string} key
   * @returns {Transfer[]}
   */
  #alike(key) {
    return [...(this.#byKey.get(key) ?? [])].filter(isInProgress);
  }

  /** @param {Transfer} transfer */
  #forget(transfer) {
    this.#transfers.delete(transfer.handle);
    this.#byKey.get(fileKey(transfer))?.delete(transfer);
    this.#failed.delete(transfer);
    this.#listed = null;
  }
}
