import { drawThumbnail } from "./thumbnail-drawing.js";
import { workerUrl } from "../engine/worker-url.js";

/**
 * @typedef {{file: Blob, isWanted: () => boolean, resolve: (url: string) => void}} Job
 * @typedef {Pick<Worker, "postMessage" | "terminate" | "onmessage" | "onerror">} Drawer
 */

const AT_ONCE = 2;
const LARGEST = 64 * 1024 * 1024;
const PATIENCE_MS = 20_000;

/** Draws thumbnails of image files in workers, two at a time. The file that was requested last is drawn first. */
export class Thumbnails {
  /** @type {Map<Blob, string>} */
  #urls = new Map();
  /** @type {Map<Blob, Promise<string>>} */
  #asked = new Map();
  /** @type {Job[]} */
  #waiting = [];
  /** @type {Drawer[]} */
  #idle = [];
  #busy = 0;
  #createWorker;

  /** @param {{createWorker?: () => Drawer}} [parts] without `createWorker`, the page draws the thumbnails itself */
  constructor({ createWorker } = {}) {
    this.#createWorker = createWorker;
  }

  /**
   * @param {Blob} file
   * @returns {string} the URL of the file's thumbnail, or "" if the thumbnail is not drawn yet
   */
  of(file) {
    return this.#urls.get(file) ?? "";
  }

  /**
   * Put a file in the queue. Resolve after its thumbnail is drawn or the file is skipped.
   *
   * @param {Blob} file
   * @param {() => boolean} [isWanted] called just before drawing; false skips the file
   * @returns {Promise<string>} the URL of the thumbnail, or "" if none was drawn
   */
  want(file, isWanted = () => true) {
    if (!file.type.startsWith("image/") || file.size > LARGEST || file.size === 0) return Promise.resolve("");
    const asked = this.#asked.get(file);
    if (asked) return asked.then((url) => url || (this.#asked.has(file) ? "" : this.want(file, isWanted)));
    /** @type {Promise<string>} */
    const made = new Promise((resolve) => this.#waiting.push({ file, isWanted, resolve }));
    this.#asked.set(file, made);
    queueMicrotask(() => this.#fill());
    return made;
  }

  /** @param {Iterable<Blob>} files files whose thumbnails are no longer shown */
  release(files) {
    for (const file of files) {
      const url = this.#urls.get(file);
      if (url) URL.revokeObjectURL(url);
      this.#urls.delete(file);
      this.#asked.delete(file);
    }
  }

  #fill() {
    while (this.#busy < AT_ONCE) {
      const job = this.#waiting.pop();
      if (!job) return;
      if (!job.isWanted()) {
        // The row is no longer visible. When it becomes visible again, it requests the thumbnail again.
        this.#asked.delete(job.file);
        job.resolve("");
        continue;
      }
      this.#busy += 1;
      void this.#work(job);
    }
  }

  /** @param {Job} job */
  async #work({ file, resolve }) {
    const picture = await this.#draw(file).catch(() => null);
    this.#busy -= 1;
    this.#fill();
    if (!picture || !this.#asked.has(file)) return resolve("");
    const url = URL.createObjectURL(picture);
    this.#urls.set(file, url);
    resolve(url);
  }

  /**
   * @param {Blob} file
   * @returns {Promise<Blob | null>}
   */
  async #draw(file) {
    const worker = this.#idle.pop() ?? this.#hire();
    if (!worker) return drawThumbnail(file);
    /** @type {{picture: Blob | null} | "late" | "broken"} */
    const answer = await new Promise((resolve) => {
      const timer = setTimeout(() => resolve("late"), PATIENCE_MS);
      worker.onmessage = ({ data }) => (clearTimeout(timer), resolve(data));
      worker.onerror = (event) => (event.preventDefault?.(), clearTimeout(timer), resolve("broken"));
      worker.postMessage(file);
    });
    if (typeof answer === "object") {
      this.#idle.push(worker);
      return answer.picture;
    }
    worker.terminate();
    if (answer === "late") return null;
    this.#createWorker = undefined; // the browser cannot load the worker's script
    return drawThumbnail(file);
  }

  #hire() {
    try {
      return this.#createWorker?.();
    } catch {
      this.#createWorker = undefined; // the Content-Security-Policy forbids workers, or the browser has no workers
      return undefined;
    }
  }
}

/** @param {string | undefined} url the URL of the worker's script */
export function createThumbnails(url) {
  const hasCanvas = typeof OffscreenCanvas !== "undefined";
  return new Thumbnails({ createWorker: url && hasCanvas ? () => new Worker(workerUrl(url)) : undefined });
}
