import { NewRows } from "./new-rows.js";
import { byId } from "./page-data.js";
import { element } from "./dom.js";
import { fileRow } from "./file-row.js";
import { icon, iconNameFor } from "./icon.js";
import { Inspections } from "./inspections.js";
import { LocalChanges } from "./local-changes.js";
import { NOTHING_READ, begunAt, extended, missingFrom, readNewest, readPage } from "./newest.js";
import { noFilesYet, noMatches } from "./empty-list.js";
import { DelayedChanges } from "./delayed-changes.js";
import { folded } from "../engine/filename.js";

/**
 * @typedef {import("../engine/api.js").UploadRecord} UploadRecord
 * @typedef {{api: import("../engine/api.js").Api, menuButton: (record: UploadRecord) => HTMLElement, onError: (error: unknown, again: () => void) => void, batchSize: () => number}} ListOptions
 *   `batchSize` returns the number of files that are being uploaded together
 */

const PAGE = 50;
const SEARCH_DELAY_MS = 200;
const MOST_REPLACED = 2 * PAGE; // do not read a longer list again after a batch, because the person has loaded more of its rows

/** The list of the person's files, newest first. Unfinished uploads are in another list (unfinished.js). */
export class FileList {
  #api;
  #options;
  #inspections;
  #list = byId("file-list");
  #empty = byId("empty");
  #more = /** @type {HTMLButtonElement} */ (byId("more"));
  #search = /** @type {HTMLInputElement} */ (byId("search-text"));
  #records = /** @type {Map<string, UploadRecord>} */ (new Map());
  #cursor = /** @type {string | null} */ (null);
  #query = "";
  #reach = NOTHING_READ;
  #loading = new AbortController();
  #localChanges = new LocalChanges();
  #toldElsewhere = /** @type {Set<string>} */ (new Set());
  /** Thumbnails of files that this page has uploaded. They stay visible after their URLs are revoked. @type {Map<string, HTMLImageElement>} */
  #pictures = new Map();
  #changes = /** @type {DelayedChanges<() => void>} */ (new DelayedChanges(this.#list, (change) => change()));
  #newRows = new NewRows({
    insert: (record, isAnimated, above) =>
      this.#changes.push(() => this.#insert(record, { isAnimated, next: above ? this.#rowOf(above)?.nextElementSibling : undefined })),
    batchSize: () => this.#options.batchSize(),
    showAll: () => void this.load().then(() => this.#focus(this.#list.firstElementChild)),
  });

  /** @param {ListOptions} options */
  constructor(options) {
    this.#api = options.api;
    this.#options = options;
    this.#inspections = new Inspections({
      api: options.api,
      current: (id) => this.get(id),
      onEnd: (record) => this.update(record),
    });
    this.#list.before(this.#newRows.node);
    this.#more.addEventListener("click", () => void this.#loadMore());
    let timer = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined);
    this.#search.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => void this.load(), SEARCH_DELAY_MS);
    });
  }

  /** @param {string} id */
  get(id) {
    return this.#records.get(id);
  }

  /** Read the list again, filtered by the text in the search field. */
  async load() {
    this.#query = this.#search.value.trim();
    this.#loading.abort();
    this.#loading = new AbortController();
    this.#list.setAttribute("aria-busy", "true");
    const { ids } = this.#newRows;
    const page = await this.#fetch(null, () => void this.load());
    if (!page) return;
    this.#newRows.forget(ids);
    this.#reach = extended(NOTHING_READ, page.read);
    this.#records = new Map(page.records.map((record) => [record.id, record]));
    this.#list.replaceChildren(...page.records.map((record) => this.#row(record)));
    this.#list.setAttribute("aria-busy", "false");
    this.#settle(page.cursor);
  }

  /**
   * Insert a new file at the top, or update its row. In a large batch, the list only counts most new files.
   *
   * @param {UploadRecord} record
   * @param {number} [place] the place of the file in the order of choosing
   */
  add(record, place) {
    if (this.#records.has(record.id)) this.#changes.push(() => this.update(record));
    else if (this.#matches(record)) this.#newRows.add(record, place);
  }

  /** At the end of a batch, read the list again if it lacks new files and the person is not using it. */
  endArrivals() {
    this.#newRows.end();
    const isInUse = this.#list.contains(document.activeElement) || this.#records.size > MOST_REPLACED;
    if (this.#newRows.counted > 0 && !isInUse) this.#changes.push(() => void this.load());
  }

  /**
   * Show a thumbnail for a file. If the file has no row yet, the thumbnail is shown when the row is drawn.
   *
   * @param {string} id
   * @param {string} url
   */
  picture(id, url) {
    const drop = () => {
      this.#pictures.delete(id);
      image.replaceWith(icon(iconNameFor(this.get(id)?.content_type ?? "")));
    };
    const image = element("img", { src: url, alt: "", onerror: drop });
    this.#pictures.set(id, image);
    this.#rowOf(id)?.querySelector(".file__icon")?.replaceChildren(image);
  }

  /**
   * @param {UploadRecord} record
   * @param {{next?: Element | null, isAnimated?: boolean}} [options] `next`: insert before this row; default: the first row
   */
  #insert(record, { next = this.#list.firstElementChild, isAnimated = false } = {}) {
    if (this.#records.has(record.id)) return this.update(record);
    this.#localChanges.note(record.id, record, { isNew: true });
    if (!this.#matches(record)) return;
    this.#records.set(record.id, record);
    this.#newRows.forget([record.id]);
    const row = this.#row(record);
    row.classList.toggle("file--new", isAnimated);
    this.#list.insertBefore(row, next);
    this.#settle(this.#cursor);
  }

  /** @param {UploadRecord} record */
  update(record) {
    const row = this.#rowOf(record.id);
    const known = this.#records.get(record.id);
    const isSame = known?.state === record.state && known.filename === record.filename && known.release === record.release;
    if (!row || isSame) return;
    const hadFocus = row.contains(document.activeElement);
    this.#localChanges.note(record.id, record);
    this.#records.set(record.id, record);
    const fresh = this.#row(record);
    row.replaceWith(fresh);
    if (hadFocus) this.#focus(fresh);
  }

  /**
   * Remove a row, and move the focus to its neighbour.
   *
   * @param {string} id
   * @param {{keepsFocus?: boolean}} [options] `keepsFocus`: move the focus only if it was in this row
   */
  remove(id, { keepsFocus = false } = {}) {
    this.#localChanges.note(id, null);
    this.#pictures.delete(id);
    const row = this.#rowOf(id);
    if (!row) return;
    const movesFocus = !keepsFocus || row.contains(document.activeElement);
    const neighbour = row.nextElementSibling ?? row.previousElementSibling;
    this.#records.delete(id);
    row.remove();
    if (movesFocus && neighbour) this.#focus(neighbour);
    else if (movesFocus) this.#search.focus();
    this.#settle(this.#cursor);
  }

  /** Ask the server for changes by other tabs or devices. Add new files to the list, and remove deleted files. */
  async refresh() {
    if (this.#query) return;
    const { signal } = this.#loading;
    this.#localChanges.begin();
    try {
      const answer = await readNewest(this.#api, this.#reach, signal);
      if (signal.aborted || this.#query) return;
      // There are more new files than `readNewest` reads. Read the list again from its beginning.
      if (!answer) return void (await this.load());
      const arrived = new Set(this.#localChanges.missingIn(answer.results).map(({ id }) => id));
      for (const { id } of missingFrom(this.#records.values(), answer)) {
        if (!arrived.has(id)) this.#changes.push(() => this.remove(id, { keepsFocus: true }));
      }
      for (const record of this.#localChanges.applyTo(answer.results.filter(({ state }) => state !== "pending"))) {
        this.#changes.push(() => this.#insert(record, { next: this.#rowBefore(begunAt(record)), isAnimated: true }));
      }
      this.#reach = extended(this.#reach, answer.results);
      if (answer.isWhole) this.#settle(null);
    } catch {
      // Leave the list unchanged, without a message, because the person did not start the refresh.
    } finally {
      this.#localChanges.end();
    }
  }

  /**
   * In these rows, hide the reason why the server rejected the file. The progress card already shows the reason.
   *
   * @param {Set<string>} ids
   */
  leaveReasonsOut(ids) {
    this.#toldElsewhere = ids;
    for (const reason of this.#list.querySelectorAll(".file__reason")) {
      const id = reason.closest("[data-id]")?.getAttribute("data-id") ?? "";
      /** @type {HTMLElement} */ (reason).hidden = ids.has(id);
    }
  }

  async #loadMore() {
    this.#more.disabled = true;
    const page = await this.#fetch(this.#cursor, () => void this.#loadMore());
    this.#more.disabled = false;
    if (!page) return;
    this.#reach = extended(this.#reach, page.read);
    const fresh = page.records.filter(({ id }) => !this.#records.has(id));
    const rows = fresh.map((record) => this.#row(record));
    for (const record of fresh) this.#records.set(record.id, record);
    this.#newRows.forget(fresh.map(({ id }) => id));
    this.#list.append(...rows);
    this.#settle(page.cursor);
    if (rows[0]) /** @type {HTMLElement | null} */ (rows[0].querySelector(".file__name"))?.focus();
  }

  /**
   * @param {string | null} from
   * @param {() => void} again
   * @returns {Promise<{records: UploadRecord[], read: UploadRecord[], cursor: string | null} | null>} null if it failed or was aborted
   */
  async #fetch(from, again) {
    const { signal } = this.#loading;
    this.#localChanges.begin();
    try {
      const { read, records, cursor } = await readPage(this.#api, { q: this.#query, cursor: from, limit: PAGE }, signal);
      const arrived = from === null ? this.#localChanges.missingIn(records).filter((record) => this.#matches(record)) : [];
      return { records: [...arrived, ...this.#localChanges.applyTo(records)], read, cursor };
    } catch (error) {
      if (signal.aborted) return null;
      this.#list.setAttribute("aria-busy", "false");
      this.#options.onError(error, again);
      return null;
    } finally {
      this.#localChanges.end();
    }
  }

  /** @param {UploadRecord} record */
  #matches({ filename }) {
    return folded(filename).includes(folded(this.#query));
  }

  /** @param {string | null} cursor */
  #settle(cursor) {
    this.#cursor = cursor;
    const isEmpty = this.#records.size === 0;
    this.#more.hidden = cursor === null;
    this.#list.hidden = isEmpty;
    this.#empty.hidden = !isEmpty;
    byId("search").hidden = isEmpty && !this.#query;
    if (isEmpty) this.#empty.replaceChildren(...(this.#query ? noMatches(this.#query, () => this.#clear()) : noFilesYet()));
  }

  #clear() {
    this.#search.value = "";
    this.#search.focus();
    void this.load();
  }

  /** @param {UploadRecord} record */
  #row(record) {
    this.#inspections.watch(record);
    return fileRow(record, {
      menuButton: this.#options.menuButton,
      downloadUrl: (id) => this.#api.downloadUrl(id),
      preview: this.#pictures.get(record.id),
      isTold: this.#toldElsewhere.has(record.id),
    });
  }

  /**
   * @param {number} moment
   * @returns {Element | null} the first row whose upload started before `moment`
   */
  #rowBefore(moment) {
    const begun = (/** @type {Element} */ row) => begunAt(this.get(row.getAttribute("data-id") ?? "") ?? { created_at: "" });
    return [...this.#list.children].find((row) => begun(row) < moment) ?? null;
  }

  /** @param {string} id */
  #rowOf(id) {
    return /** @type {HTMLElement | null} */ (this.#list.querySelector(`[data-id="${CSS.escape(id)}"]`));
  }

  /** @param {Element | null} row */
  #focus(row) {
    /** @type {HTMLElement | null | undefined} */ (row?.querySelector(".file__actions > button"))?.focus();
  }
}
