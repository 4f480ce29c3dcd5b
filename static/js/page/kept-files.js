import { Clock } from "../engine/clock.js";
import { ENDED } from "./attempt.js";
import { FINAL_CODES } from "./final-codes.js";
import { PageExit } from "./page-exit.js";
import { KeptWrites } from "./kept-writes.js";
import { noteOf, readSource } from "./kept-access.js";

/**
 * @typedef {import("./kept-store.js").Kept} Kept
 * @typedef {import("./kept-store.js").KeptSource} KeptSource
 * @typedef {import("./kept-store.js").KeptNote} KeptNote
 * @typedef {import("../engine/upload.js").Upload} Upload
 * @typedef {import("../engine/api.js").Declaration} Declaration
 * @typedef {{about: Omit<KeptSource, "source">, note: KeptNote, status: "waiting" | "kept" | "gone", copied: number}} Entry
 *   `copied`: size of the copy in this browser, 0 for a handle
 */

const MIB = 1024 * 1024;
const LARGEST_COPY = 10 * MIB;
const MOST_COPIED = 300 * MIB;
const FEW = 5; // with at most 5 stored files there is no pause, so that the copy of a sent file is deleted before a reload
const MAX_AGE_MS = 7 * 24 * 3_600_000;

/**
 * Stores the files of unfinished uploads in this browser, so that the person need not choose them again after a reload.
 * Files up to 10 MiB are stored as copies. For a larger file, its handle is stored, if the browser returned a handle. If
 * a file cannot be stored, its upload continues, but after a reload the person must choose this file again.
 */
export class KeptFiles {
  #parts;
  #clock;
  #pageExit;
  #writes;
  /** @type {WeakMap<Blob, Entry>} */
  #entries = new WeakMap();
  /** @type {[Blob, Entry][]} */
  #queue = [];
  #copied = 0;
  #count = 0; // files that are stored, or wait to be stored
  /** @type {Map<string, Kept>} files of closed tabs that belong to this tab now; their uploads are not continued yet */
  #adopted = new Map();

  /**
   * @param {{
   *   store: Pick<import("./kept-store.js").KeptStore, "write" | "all">,
   *   tabs: Pick<import("./tabs.js").Tabs, "id" | "alive" | "alone" | "areKnown">,
   *   owner: string,
   *   handleOf: (file: Blob) => Promise<FileSystemFileHandle | null>,
   *   clock?: Clock,
   *   pageExit?: PageExit,
   * }} parts
   */
  constructor({ clock = new Clock(), pageExit = new PageExit(), ...parts }) {
    this.#parts = parts;
    this.#clock = clock;
    this.#pageExit = pageExit;
    this.#writes = new KeptWrites({
      ...parts,
      clock,
      hasFew: () => this.#count <= FEW,
      onFailed: (entry) => this.#abandon(entry),
    });
  }

  /** @param {Pick<import("../engine/engine.js").Engine, "on">} engine */
  follow(engine) {
    this.#pageExit.follow(engine);
    engine.on("added", ({ upload, declaration }) => this.#keep(upload, declaration));
  }

  /** @returns {Promise<Kept[]>} this person's kept files of closed tabs; the call assigns them to this tab */
  async adopt() {
    const { store, tabs, owner } = this.#parts;
    try {
      await tabs.alone(async () => {
        const alive = await tabs.alive();
        const left = (await store.all()).filter(({ tab }) => !alive.has(tab));
        const isOld = (/** @type {Kept} */ { keptAt }) => Date.now() - keptAt > MAX_AGE_MS;
        const mine = left.filter((kept) => kept.owner === owner && !isOld(kept)).map((kept) => ({ ...kept, tab: tabs.id }));
        if (left.length > 0) await store.write({ notes: mine.map(noteOf), gone: left.filter(isOld).map(({ id }) => id) });
        for (const kept of mine) this.#adopted.set(kept.id, kept);
      });
    } catch {
      // The browser has no storage, or the storage is full. The person can choose the files again.
    }
    return [...this.#adopted.values()];
  }

  /**
   * Return a kept file, or null if the browser denies permission. Throw the browser's error if the file is missing.
   *
   * @param {Kept} kept
   * @param {{ask?: boolean}} [options] `ask`: ask the person for permission. Browsers permit this only during a click.
   * @returns {Promise<Blob | null>}
   */
  read({ source }, { ask = false } = {}) {
    return readSource(source, { ask, clock: this.#clock });
  }

  /**
   * Record that the page continues the upload of `kept` with `file`. The file stays stored until this upload ends.
   *
   * @param {Kept} kept
   * @param {Blob} file
   */
  claim(kept, file) {
    this.#adopted.delete(kept.id);
    const { source, ...about } = kept;
    const copied = source instanceof Blob ? source.size : 0;
    this.#copied += copied;
    /** @type {Entry} */
    const entry = { about, note: noteOf(kept), status: "kept", copied };
    this.#entries.set(file, entry);
    this.#count += 1;
    if (!(source instanceof Blob)) void this.#renew(file, entry);
  }

  /**
   * Store the new handle of a file that the person has chosen again. The old handle may be invalid.
   *
   * @param {Blob} file
   * @param {Entry} entry
   */
  async #renew(file, entry) {
    const handle = await this.#parts.handleOf(file);
    if (!handle || entry.status !== "kept") return;
    this.#writes.addSource({ ...entry.about, source: handle }, entry);
  }

  /** @param {Kept[]} over files to delete, because nobody will continue their uploads */
  forget(over) {
    for (const { id } of over) {
      this.#adopted.delete(id);
      this.#writes.remove(id);
    }
  }

  /**
   * @param {Upload} upload
   * @param {Declaration} declaration
   */
  #keep(upload, declaration) {
    const entry = this.#entries.get(upload.file) ?? this.#begin(upload, declaration);
    const update = () => this.#update(upload, entry);
    upload.on("state", update);
    upload.on("started", update);
    update();
  }

  /**
   * @param {Upload} upload
   * @param {Declaration} declaration
   * @returns {Entry}
   */
  #begin({ file, key }, declaration) {
    const id = `${this.#parts.tabs.id}-${key}`;
    /** @type {Entry} */
    const entry = {
      about: {
        id,
        owner: this.#parts.owner,
        filename: declaration.filename,
        relativePath: declaration.relative_path ?? "",
        contentType: declaration.content_type,
        byteSize: file.size,
        lastModified: "lastModified" in file ? file.lastModified : null,
        keptAt: Date.now(),
      },
      note: { id, tab: this.#parts.tabs.id, uploadId: null, key, isPaused: false },
      status: "waiting",
      copied: 0,
    };
    this.#entries.set(file, entry);
    this.#count += 1;
    if (file.size <= LARGEST_COPY) {
      this.#queue.push([file, entry]);
      this.#copyMore();
    } else {
      void this.#parts.handleOf(file).then((handle) => handle && this.#store(handle, entry));
    }
    return entry;
  }

  /**
   * @param {Upload} upload
   * @param {Entry} entry
   */
  #update(upload, entry) {
    const { file, state, record, key, error } = upload;
    if (entry.status === "gone") return;
    const code = /** @type {{code?: string} | null} */ (error)?.code ?? "";
    const isRefused = state === "failed" && FINAL_CODES.has(code);
    if (isRefused && this.#pageExit.isLeaving) return this.#pageExit.unlessLeaving(() => this.#update(upload, entry));
    if (isRefused || ENDED.has(state)) {
      this.#entries.delete(file);
      return this.#drop(entry);
    }
    const former = key === entry.note.key ? entry.note.uploadId : null;
    const note = { ...entry.note, uploadId: record?.id ?? former, key, isPaused: state === "paused" };
    if (note.uploadId === entry.note.uploadId && key === entry.note.key && note.isPaused === entry.note.isPaused) return;
    entry.note = note;
    if (entry.status !== "kept") return;
    this.#writes.addNote(note);
  }

  /** @param {Entry} entry */
  #drop(entry) {
    const wasKept = entry.status === "kept";
    this.#abandon(entry);
    if (!wasKept) return;
    this.#writes.remove(entry.about.id);
    this.#copyMore();
  }

  /** Copy waiting files until all copies together reach MOST_COPIED bytes. */
  #copyMore() {
    for (let head = this.#queue[0]; head; head = this.#queue[0]) {
      const [file, entry] = head;
      if (entry.status === "waiting") {
        if (this.#copied + file.size > MOST_COPIED) return;
        entry.copied = file.size;
        this.#copied += file.size;
        this.#store(file, entry);
      }
      this.#queue.shift();
    }
  }

  /**
   * @param {Blob | FileSystemFileHandle} source
   * @param {Entry} entry
   */
  #store(source, entry) {
    if (entry.status !== "waiting") return;
    entry.status = "kept";
    this.#writes.addSource({ ...entry.about, source }, entry);
  }

  /** @param {Entry} entry */
  #abandon(entry) {
    entry.status = "gone";
    this.#writes.forgetNote(entry.note.id);
    this.#count -= 1;
    this.#copied -= entry.copied;
    entry.copied = 0;
  }
}
