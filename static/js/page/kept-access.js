/** Reads and writes kept files, with retries, because browsers fail reads and writes once when a download starts. */

import { NoAnswer, within } from "../engine/time-limit.js";
import { PAUSES_MS, readAgain } from "../engine/reading.js";

const PERMISSION_MS = 3_000;
const FILE_MS = 10_000; // a network drive may need time to wake up

/** @typedef {import("../engine/clock.js").Clock} Clock */

/**
 * Return the file, or null without permission. Throws the browser's error if the file no longer exists.
 *
 * @param {Blob | FileSystemFileHandle} source
 * @param {{ask: boolean, clock: Clock}} options `ask`: whether the browser may ask for permission; works only in a click
 * @returns {Promise<Blob | null>}
 */
export async function readSource(source, { ask, clock }) {
  if (source instanceof Blob) return source;
  const handle = /** @type {any} */ (source);
  // No timeout while a person decides, only for an answer of the browser itself.
  const query = ask
    ? handle.requestPermission({ mode: "read" })
    : within(PERMISSION_MS, () => handle.queryPermission({ mode: "read" }));
  if ((await query.catch(() => "denied")) !== "granted") return null;
  return within(FILE_MS, () => readAgain(() => handle.getFile(), { clock }));
}

/**
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
