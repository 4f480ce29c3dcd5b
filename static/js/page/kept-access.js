/** Reads and writes kept files. Browsers fail both once when a download starts, so each has a few retries. */

import { NoAnswer, within } from "../engine/time-limit.js";
import { PAUSES_MS, readAgain } from "../engine/reading.js";

const PERMISSION_MS = 3_000;
const FILE_MS = 10_000; // a network drive wakes up

/** @typedef {import("../engine/clock.js").Clock} Clock */

/**
 * Return the file, or null without permission. Throws what the browser throws when the file is no longer there.
 *
 * @param {Blob | FileSystemFileHandle} source
 * @param {{ask: boolean, clock: Clock}} options `ask`: the person may be asked for permission, in a click only
 * @returns {Promise<Blob | null>}
 */
export async function readSource(source, { ask, clock }) {
  if (source instanceof Blob) return source;
  const handle = /** @type {any} */ (source);
  // A person takes their time to answer, a browser does not.
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
