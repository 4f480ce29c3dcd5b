import { UploadError } from "./errors.js";

/** @typedef {import("./api.js").UploadRecord} UploadRecord */

const POLL_MS = 1_000;
const MAX_POLL_MS = 30_000;

/**
 * Wait, asking ever more rarely, until a slow inspector has made up its mind.
 *
 * @param {UploadRecord} record
 * @param {() => Promise<UploadRecord>} look
 * @param {import("./clock.js").Clock} clock
 * @param {AbortSignal} signal
 */
export async function whenInspected(record, look, clock, signal) {
  for (let wait = POLL_MS; record.state === "inspecting"; wait = Math.min(wait * 1.5, MAX_POLL_MS)) {
    await clock.sleep(wait, signal);
    record = await look();
  }
  return record;
}

/**
 * Return the error that says why a record will not be ready.
 *
 * @param {UploadRecord} record
 */
export function ending({ id, state, rejected_reason: reason }) {
  if (state === "rejected") {
    return Object.assign(new UploadError("rejected", reason || "The server refused this file."), { uploadId: id });
  }
  if (state === "expired") return new UploadError("upload_over", "The upload took too long and expired. Try again.");
  return new UploadError("upload_over", "The upload was cancelled elsewhere. Try again to start it anew.");
}
