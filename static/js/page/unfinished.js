import { ENDED, isInProgress, isRefused } from "./attempt.js";
import { Completer } from "./completer.js";
import { Discarding } from "./discarding.js";
import { UnfinishedList } from "./unfinished-list.js";
import { UnfinishedRow } from "./unfinished-row.js";
import { isolated } from "./direction.js";
import { identityOf, inOrder, looksSame, pair, whyNot } from "./matching.js";
import { pendingOf } from "./pending.js";
import { within } from "../engine/time-limit.js";

/**
 * @typedef {import("../engine/api.js").UploadRecord} UploadRecord
 * @typedef {import("../engine/upload.js").Upload} Upload
 * @typedef {import("./unfinished-upload.js").Entry} Entry
 * @typedef {{
 *   api: import("../engine/api.js").Api,
 *   tabs: import("./tabs.js").Tabs,
 *   keptFiles: import("./kept-files.js").KeptFiles,
 *   isBusy: (id: string) => boolean,
 *   onContinue: (entry: Entry, file: Blob) => Upload,
 *   onContinuedAlone: (count: number) => void,
 *   onProblem: (message: string, error?: Error) => void,
 *   onDiscarded: (sentence: string) => void,
 *   onEndElsewhere: () => void,
 *   onCompleted: (record: UploadRecord) => void,
 * }} Options `isBusy` returns whether this tab is sending the upload with this id. `onContinuedAlone` gets the number
 *   of uploads that continue without asking the person. `onProblem` gets the error if a request failed. `onDiscarded` is
 *   called after uploads were discarded or have ended, with a sentence for screen readers. `onCompleted` gets an upload that the page has completed without
 *   its file, because the bucket had all bytes.
 */

const LOOK_AGAIN_MS = 3000;
const ADOPT_MS = 3000; // if reading the kept files takes longer, the list is first shown without them

/** The list of unfinished uploads of an earlier visit, another tab or another device. */
export class Unfinished {
  #list = new UnfinishedList({ onDiscardAll: () => void this.#discarding.all() });
  #options;
  #completer;
  #discarding;
  /** @type {Set<{id: string | undefined, upload: Upload}>} uploads that this tab continues */
  #continued = new Set();
  #loads = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {Options} options */
  constructor(options) {
    this.#options = options;
    this.#discarding = new Discarding({ ...options, list: this.#list, onDiscarded: (sentence) => this.#onDiscarded(sentence) });
    this.#completer = new Completer({
      ...options,
      isWaiting: (id) => Boolean(this.#list.rowOf(id)),
      onSafe: (id, bytes) => this.#list.showSafe(id, bytes),
      onCompleted: (record) => this.#complete(record),
    });
  }

  /**
   * Remove the rows of uploads that this tab is sending. On a slow line, an upload can be in the list before the
   * tab receives the upload's id.
   *
   * @param {Pick<import("../engine/engine.js").Engine, "on">} engine
   */
  follow(engine) {
    engine.on("added", ({ upload }) => {
      const check = () => {
        const row = this.#list.rowOf(upload.record?.id);
        if (row && isInProgress(upload)) this.#list.remove(row);
      };
      upload.on("state", check);
      upload.on("started", check);
    });
  }

  /**
   * Read the list again from the server.
   *
   * @param {{alone?: boolean}} [options] `alone`: continue each upload whose kept file is readable
   */
  async load({ alone = false } = {}) {
    const { tabs, keptFiles } = this.#options;
    this.#loads += 1;
    const load = this.#loads;
    // Read the kept files before the list. Otherwise `pair` could take the file of a new upload for a file of an ended upload.
    const kept = await within(ADOPT_MS, () => keptFiles.adopt(), () => void this.load({ alone })).catch(() => []);
    const found = await pendingOf(this.#options.api);
    const elsewhere = await tabs.elsewhere();
    if (!found || load !== this.#loads) return;
    const { pairs, unbegun, over } = pair(kept, found.records);
    if (found.isWhole) keptFiles.forget(over);
    /** @type {Entry[]} */
    const entries = [
      ...found.records
        .filter(({ id }) => !this.#isBusy(id))
        .map((record) => ({ record, kept: pairs.get(record.id) ?? null, isElsewhere: elsewhere.has(record.id) })),
      ...unbegun.sort(inOrder).map((one) => ({ record: null, kept: one, isElsewhere: false })),
    ];
    this.#show(alone ? await this.#continueAlone(entries) : entries);
  }

  /**
   * If the file belongs to an unfinished upload, continue this upload with the file.
   *
   * @param {File} file
   * @param {string} relativePath
   * @returns {"continued" | "elsewhere" | ""} "elsewhere" if another tab is sending the upload, "" if the file belongs to no upload
   */
  take(file, relativePath) {
    const facts = { filename: file.name, relativePath, byteSize: file.size, lastModified: file.lastModified };
    const row = this.#list.rows.find((one) => {
      const wanted = identityOf(one.entry);
      return wanted && !this.#discarding.isLeaving(one) && looksSame(wanted, facts);
    });
    if (!row) return "";
    if (row.entry.isElsewhere) return "elsewhere";
    this.#go(row, file);
    return "continued";
  }

  /** @param {string} id */
  #isBusy(id) {
    const mine = [...this.#continued].filter((one) => one.id === id);
    // After an attempt with a wrong file, the upload is still unfinished, so the list must show it.
    return mine.some(({ upload }) => !isRefused(upload) && !ENDED.has(upload.state)) || (mine.length === 0 && this.#options.isBusy(id));
  }

  /**
   * @param {Entry[]} entries
   * @returns {Promise<Entry[]>} the entries that were not continued, because the person must choose the file
   */
  async #continueAlone(entries) {
    const left = [];
    let count = 0;
    for (const entry of entries) {
      const file = await this.#readable(entry);
      if (file) {
        this.#continue(entry, file);
        count += 1;
      } else {
        left.push(entry);
      }
    }
    if (count > 0) this.#options.onContinuedAlone(count);
    return left;
  }

  /**
   * @param {Entry} entry
   * @returns {Promise<Blob | null>} the kept file, or null if the upload is paused or the file cannot be used now
   */
  async #readable(entry) {
    const { kept, isElsewhere } = entry;
    if (!kept || kept.isPaused || isElsewhere) return null;
    const file = await this.#options.keptFiles.read(kept).catch(() => null);
    return file && (await whyNot(entry, file)) === "" ? file : null;
  }

  /**
   * @param {Entry} entry
   * @param {Blob} file
   */
  #continue(entry, file) {
    const { keptFiles, onContinue } = this.#options;
    if (entry.kept) keptFiles.claim(entry.kept, file);
    const upload = onContinue(entry, file);
    const one = { id: entry.record?.id, upload };
    this.#continued.add(one);
    upload.on("state", (state) => {
      if (ENDED.has(state)) this.#continued.delete(one);
      if (isRefused(upload)) void this.load();
    });
  }

  /** @param {Entry[]} entries */
  #show(entries) {
    /** @type {UnfinishedRow[]} */
    const rows = [];
    for (const entry of entries) {
      if (entry.record && this.#completer.hasCompleted(entry.record.id)) continue;
      /** @type {UnfinishedRow} */
      const row = new UnfinishedRow(entry, {
        onChoose: (file) => void this.#choose(row, file),
        onUnreadable: ([name]) => this.#options.onProblem(`${isolated(name)} could not be read. Check that the file still exists, or choose another copy of it.`),
        onContinue: () => this.#continueKept(row),
        onDiscard: () => void this.#discarding.one(row),
      });
      rows.push(row);
    }
    this.#list.show(rows);
    void this.#showSafe();
    this.#watch();
  }

  #showSafe() {
    const entries = this.#list.rows.map(({ entry }) => entry).filter(({ isElsewhere }) => !isElsewhere);
    return this.#completer.check(entries.flatMap(({ record }) => (record?.transport === "multipart" ? [record] : [])));
  }

  /** @param {UploadRecord} record */
  #complete(record) {
    const row = this.#list.rowOf(record.id);
    if (!row) return;
    if (row.entry.kept) this.#options.keptFiles.forget([row.entry.kept]);
    this.#list.remove(row);
    this.#options.onCompleted(record);
  }

  /** While other tabs send uploads, check every 3 s. If one of these uploads ends or its tab closes, load the list. */
  #watch() {
    clearTimeout(this.#timer);
    const others = this.#list.rows.filter(({ entry }) => entry.isElsewhere);
    if (others.length === 0) return;
    this.#timer = setTimeout(async () => {
      const elsewhere = await this.#options.tabs.elsewhere();
      if (others.every(({ entry }) => elsewhere.has(entry.record?.id ?? ""))) return this.#watch();
      this.#options.onEndElsewhere();
      await this.load();
    }, LOOK_AGAIN_MS);
  }

  /**
   * @param {UnfinishedRow} row
   * @param {File} file
   */
  async #choose(row, file) {
    const reason = await whyNot(row.entry, file);
    if (reason) this.#options.onProblem(reason);
    else this.#go(row, file);
  }

  /** @param {UnfinishedRow} row */
  async #continueKept(row) {
    const { kept } = row.entry;
    if (!kept) return;
    const { keptFiles, onProblem } = this.#options;
    const filename = isolated(row.name);
    try {
      const file = await keptFiles.read(kept, { ask: true });
      if (!file) return onProblem(`The browser has no permission to read ${filename}. Press Continue again and choose the file.`);
      const reason = await whyNot(row.entry, file);
      if (reason) return onProblem(reason);
      this.#go(row, file);
    } catch {
      return onProblem(`${filename} was moved, renamed or deleted. Press Continue again and choose the file.`);
    }
    await this.#continueOthers();
  }

  /** Continue all uploads whose kept file can be read now. One permission may apply to all files of the last visit. */
  async #continueOthers() {
    for (const row of this.#list.rows) {
      const file = await this.#readable(row.entry);
      if (file) this.#go(row, file);
    }
  }

  /**
   * @param {UnfinishedRow} row
   * @param {Blob} file
   */
  #go(row, file) {
    if (!this.#list.has(row) || this.#discarding.isLeaving(row)) return;
    this.#list.remove(row);
    this.#continue(row.entry, file);
  }

  /** @param {string} sentence */
  #onDiscarded(sentence) {
    this.#options.onDiscarded(sentence);
    // A list that was requested before the discards may still contain them. Loading again replaces this list.
    void this.load();
  }
}
