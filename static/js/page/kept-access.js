/** Reads and writes kept files, with retries, because browsers may fail a read or a write when a download starts. */

import { NoAnswer, within } from "../engine/time-limit.js";
import { PAUSES_MS, readAgain } from "../engine/reading.js";

const PERMISSION_MS = 3_000;
const FILE_MS = 10_000; // a sleeping network drive may need some seconds to respond

/** @typedef {import("../engine/clock.js").Clock} Clock */

/**
 * Return the kept file, or null if the browser denies permission. Throw the browser's error if the file is missing.
 *
 * @param {Blob | FileSystemFileHandle} source
 * @param {{ask: boolean, clock: Clock}} options `ask`: ask the person for permission. Browsers permit
 *   this only during a click.
 * @returns {Promise<Blob | null>}
 */
export async function readSource(source, { ask, clock }) {
  if (source instanceof Blob) return source;
  const handle = /** @type {any} */ (source);
  // A timeout applies only to queryPermission. With requestPermission, the browser waits for the person.
  const query = ask
    ? handle.requestPermission({ mode: "read" })
    : within(PERMISSION_MS, () => handle.queryPermission({ mode: "read" }));
  if ((await query.catch(() => "denied")) !== "granted") return null;
  return within(FILE_MS, () => readAgain(() => handle.getFile(), { clock }));
}

/**
 * Write the changes, with retries if they include files. Do not retry if the storage is full or does not respond.
 *
 * @param {Pick<import("./kept-store.js").KeptStore, "write">} store
 * @param {import("./kept-store.js").Changes} changes
 * @param {Clock} clock
 */
export async function writeAgain(store, changes, clock) {
  for (const pause of PAUSES_MS) {
    try {
      return await store.write(changes);
    } catch (error) {
      const isFull = /** @type {Error} */ (error).name === "QuotaExceededError";
      if (isFull || error instanceof NoAnswer || !changes.sources?.length) throw error;
    }
    await clock.sleep(pause);
  }
  return store.write(changes);
}

/**
 * Return the note of a kept file: the facts that change during its upload.
 *
 * @param {import("./kept-store.js").Kept} kept
 * @returns {import("./kept-store.js").KeptNote}
 */
export function noteOf({ id, tab, uploadId, key, isPaused }) {
  return { id, tab, uploadId, key, isPaused };
}
