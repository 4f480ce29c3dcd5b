import { FINAL_CODES } from "./final-codes.js";
import { fileKey } from "./picker/same-file.js";

/**
 * @typedef {import("../engine/upload.js").Upload} Upload
 * @typedef {import("./picker/chosen.js").Item} Item
 * @typedef {Pick<import("../engine/engine.js").Engine, "add" | "resume" | "api">} Engine
 */

const ENDED = new Set(["done", "cancelled"]);
/** Errors after which the page asks for the file again. */
const CHOOSE_AGAIN = new Set(["different_file", "unreadable"]);

let made = 0;

/** One file in the progress card, with the present state of its upload handle. */
export class Transfer {
  #handle;
  #forget;

  /**
   * @param {Upload} handle
   * @param {{path: string, contentType: string}} facts
   * @param {() => void} forget
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

  /** The server's id, or "". A refused file keeps its id, although its next attempt has none yet. */
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

  /** Whether a retry would fail in the same way. */
  get isFinal() {
    return FINAL_CODES.has(this.code);
  }

  /** Whether the page asks for the file again. */
  get isAskedFor() {
    return this.state === "failed" && CHOOSE_AGAIN.has(this.code);
  }

  /** @param {Item} item */
  looksLike(item) {
    return fileKey(this) === fileKey({ ...item, path: item.path || this.path });
  }

  retry() {
    this.#handle.retry();
  }

  /** Cancel the upload and forget it. */
  remove() {
    this.#forget();
    void this.#handle.cancel();
  }
}

/** All files that are in progress, have failed or have just arrived, including uploads of an earlier visit. */
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

  /** @param {Item} item */
  send(item) {
    const { file, name, path } = item;
    const handle = this.#engine.add(file, { filename: name, relativePath: path || undefined, contentType: file.type });
    return this.follow(handle, path);
  }

  /**
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

  /** @param {string} key */
  sending(key) {
    return this.#alike(key).map(({ file }) => file);
  }

  /**
   * @param {Item} item
   * @returns {Blob[]} files of the same path, size and time that are in progress
   */
  alike(item) {
    return this.sending(fileKey(item));
  }

  /**
   * Return the failed file that this file may replace, because the page has asked for it again or the files look alike.
   *
   * @param {Item} item
   * @returns {Transfer | undefined}
   */
  toReplace(item) {
    const failed = [...this.#failed].filter(({ name }) => name === item.name);
    const same = failed.find((one) => fileKey(one) === fileKey(item));
    const asked = failed.filter(({ isAskedFor }) => isAskedFor);
    const inPlace = asked.find(({ path }) => path === item.path);
    // A file that was chosen alone has no folder path.
    const alone = !item.path && asked.length === 1 ? asked[0] : undefined;
    return same ?? inPlace ?? alone;
  }

  /**
   * Send the file in place of the failed file, and free the server's reservation for the failed file.
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
      // The file is readable again, for example on a USB stick. The parts that have arrived stay.
      this.dismiss(failed);
      this.follow(this.#engine.resume(record, item.file), path);
      return undefined;
    }
    // Cancel before the next start, because the quota may not be enough for both.
    if (isOpen) await this.#engine.api.cancel(record.id).catch(() => {});
    this.send({ ...item, path: item.path || path });
    this.dismiss(failed);
    return undefined;
  }

  /**
   * Forget a failed file. The server keeps its upload.
   *
   * @param {Transfer} failed
   */
  dismiss(failed) {
    failed.handle.record = null; // without a record, `remove` cancels nothing at the server
    failed.remove();
  }

  /** Forget the files that have arrived. */
  clearDone() {
    for (const transfer of this.list()) if (ENDED.has(transfer.state)) this.#forget(transfer);
  }

  /** Cancel all uploads that have not arrived, and forget all files. */
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

  /** @returns {Set<string>} the server's ids of the uploads in this tab */
  serverIds() {
    return new Set(this.list().flatMap(({ serverId }) => serverId || []));
  }

  /**
   * @param {string} key
   * @returns {Transfer[]}
   */
  #alike(key) {
    return [...(this.#byKey.get(key) ?? [])].filter(({ state }) => !ENDED.has(state) && state !== "failed");
  }

  /** @param {Transfer} transfer */
  #forget(transfer) {
    this.#transfers.delete(transfer.handle);
    this.#byKey.get(fileKey(transfer))?.delete(transfer);
    this.#failed.delete(transfer);
    this.#listed = null;
  }
}
