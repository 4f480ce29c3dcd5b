import { byId } from "./page-data.js";
import { element } from "./dom.js";
import { fileRow } from "./file-row.js";
import { icon, iconNameFor } from "./icon.js";
import { News } from "./news.js";
import { nothingYet } from "./nothing-yet.js";
import { Steady } from "./steady.js";
import { folded } from "../engine/filename.js";

/**
 * @typedef {import("../engine/api.js").UploadRecord} UploadRecord
 * @typedef {import("../engine/api.js").Api} Api
 * @typedef {{api: Api, menuButton: (record: UploadRecord) => HTMLElement, onError: (error: unknown, again: () => void) => void}} ListOptions
 */

const PAGE = 50;
const SEARCH_DELAY_MS = 200;
const LOOK_AGAIN_MS = [1500, 3000, 6000, 15_000, 30_000];

/** The person's files, newest first. Unfinished ones are shown elsewhere. */
export class FileList {
  #api;
  #options;
  #list = byId("file-list");
  #empty = byId("empty");
  #more = /** @type {HTMLButtonElement} */ (byId("more"));
  #search = /** @type {HTMLInputElement} */ (byId("search-text"));
  /** @type {Map<string, UploadRecord>} */
  #records = new Map();
  /** @type {string | null} */
  #cursor = null;
  #query = "";
  #loading = new AbortController();
  #news = new News();
  /** @type {Set<string>} */
  #toldElsewhere = new Set();
  /** Pictures of what was uploaded from here: they outlive the address that they were read from. @type {Map<string, HTMLImageElement>} */
  #pictures = new Map();
  /** @type {Steady<UploadRecord>} */
  #arrivals = new Steady(this.#list, (record) => this.#insert(record));

  /** @param {ListOptions} options */
  constructor(options) {
    this.#api = options.api;
    this.#options = options;
    this.#more.addEventListener("click", () => void this.#loadMore());
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    this.#search.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => void this.load(), SEARCH_DELAY_MS);
    });
  }

  /** @param {string} id */
  get(id) {
    return this.#records.get(id);
  }

  /** Read the list anew, for what stands in the search field. */
  async load() {
    this.#query = this.#search.value.trim();
    this.#loading.abort();
    this.#loading = new AbortController();
    this.#list.setAttribute("aria-busy", "true");
    const page = await this.#fetch(null, () => void this.load());
    if (!page) return;
    this.#records = new Map(page.records.map((record) => [record.id, record]));
    this.#list.replaceChildren(...page.records.map((record) => this.#row(record)));
    this.#list.setAttribute("aria-busy", "false");
    this.#settle(page.cursor);
  }

  /**
   * Put a file that has just arrived on top; one that is there already is replaced.
   *
   * @param {UploadRecord} record
   */
  add(record) {
    this.#arrivals.push(record);
  }

  /**
   * Show a picture for a file, now or when its row comes.
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

  /** @param {UploadRecord} record */
  #insert(record) {
    if (this.#records.has(record.id)) return this.update(record);
    this.#news.note(record.id, record, { isNew: true });
    if (!this.#matches(record)) return;
    this.#records = new Map([[record.id, record], ...this.#records]);
    const row = this.#row(record);
    row.classList.add("file--new");
    this.#list.prepend(row);
    this.#settle(this.#cursor);
  }

  /** @param {UploadRecord} record */
  update(record) {
    const row = this.#rowOf(record.id);
    const known = this.#records.get(record.id);
    const isSame = known?.state === record.state && known.filename === record.filename && known.release === record.release;
    if (!row || isSame) return;
    const hadFocus = row.contains(document.activeElement);
    this.#news.note(record.id, record);
    this.#records.set(record.id, record);
    const fresh = this.#row(record);
    row.replaceWith(fresh);
    if (hadFocus) this.#focus(fresh);
    this.#lookAgain(record);
  }

  /**
   * Take a row away; focus goes to its neighbour.
   *
   * @param {string} id
   */
  remove(id) {
    this.#news.note(id, null);
    this.#pictures.delete(id);
    const row = this.#rowOf(id);
    if (!row) return;
    const neighbour = row.nextElementSibling ?? row.previousElementSibling;
    this.#records.delete(id);
    row.remove();
    if (neighbour) this.#focus(neighbour);
    else this.#search.focus();
    this.#settle(this.#cursor);
  }

  /** Bring in what other tabs and devices have added meanwhile. */
  async refresh() {
    if (this.#query) return;
    this.#news.begin();
    try {
      const { results } = await this.#api.list({ limit: PAGE });
      const records = results.filter(({ state }) => state !== "pending");
      for (const record of this.#news.applyTo(records).reverse()) this.add(record);
    } catch {
      // The list stays as it was; nobody has asked for this.
    } finally {
      this.#news.end();
    }
  }

  /**
   * Say of other files only why they were refused: of these it stands elsewhere on the page.
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
    const fresh = page.records.filter(({ id }) => !this.#records.has(id));
    const rows = fresh.map((record) => this.#row(record));
    for (const record of fresh) this.#records.set(record.id, record);
    this.#list.append(...rows);
    this.#settle(page.cursor);
    if (rows[0]) /** @type {HTMLElement | null} */ (rows[0].querySelector(".file__name"))?.focus();
  }

  /**
   * @param {string | null} from
   * @param {() => void} again
   * @returns {Promise<{records: UploadRecord[], cursor: string | null} | null>} null when it failed or is out of date
   */
  async #fetch(from, again) {
    const { signal } = this.#loading;
    /** @type {UploadRecord[]} */
    const records = [];
    let cursor = from;
    this.#news.begin();
    try {
      do {
        const filters = { q: this.#query, cursor: cursor ?? undefined, limit: PAGE };
        const page = await this.#api.list(filters, { signal });
        records.push(...page.results.filter(({ state }) => state !== "pending"));
        cursor = page.next_cursor;
        // A page of nothing but unfinished uploads would look like the end.
      } while (cursor && records.length === 0);
      const news = from === null ? this.#news.missingIn(records).filter((record) => this.#matches(record)) : [];
      return { records: [...news, ...this.#news.applyTo(records)], cursor };
    } catch (error) {
      if (signal.aborted) return null;
      this.#list.setAttribute("aria-busy", "false");
      this.#options.onError(error, again);
      return null;
    } finally {
      this.#news.end();
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
    if (isEmpty) this.#empty.replaceChildren(...(this.#query ? this.#nothingFound() : nothingYet()));
    for (const record of this.#records.values()) this.#lookAgain(record);
  }

  #nothingFound() {
    const clear = () => {
      this.#search.value = "";
      this.#search.focus();
      void this.load();
    };
    return [
      element("p", { class: "empty__title" }, "No file has “", element("bdi", {}, this.#query), "” in its name"),
      element("button", { class: "button", type: "button", onclick: clear }, "Clear the search"),
    ];
  }

  /** @type {Set<string>} */
  #looking = new Set();

  /**
   * Ask again for a file that a slow inspector works on.
   *
   * @param {UploadRecord} record
   * @param {number} [round]
   */
  #lookAgain({ id, state }, round = 0) {
    if (state !== "inspecting" || (round === 0 && this.#looking.has(id))) return;
    this.#looking.add(id);
    setTimeout(
      async () => {
        const record = await this.#api.get(id).catch(() => null);
        if (!this.#records.has(id)) return this.#looking.delete(id);
        if (record && record.state !== "inspecting") {
          this.#looking.delete(id);
          this.update(record);
        } else {
          this.#lookAgain({ .../** @type {UploadRecord} */ (this.#records.get(id)) }, round + 1);
        }
      },
      LOOK_AGAIN_MS[Math.min(round, LOOK_AGAIN_MS.length - 1)],
    );
  }

  /** @param {UploadRecord} record */
  #row(record) {
    return fileRow(record, {
      menuButton: this.#options.menuButton,
      downloadUrl: (id) => this.#api.downloadUrl(id),
      preview: this.#pictures.get(record.id),
      isTold: this.#toldElsewhere.has(record.id),
    });
  }

  /** @param {string} id */
  #rowOf(id) {
    return /** @type {HTMLElement | null} */ (this.#list.querySelector(`[data-id="${CSS.escape(id)}"]`));
  }

  /** @param {Element} row */
  #focus(row) {
    /** @type {HTMLElement | null} */ (row.querySelector(".file__actions > button"))?.focus();
  }
}
