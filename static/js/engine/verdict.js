import { UploadError } from "./errors.js";

/** @typedef {import("./api.js").UploadRecord} UploadRecord */

/**
 * Ask the server repeatedly until the inspection has ended. Return the record after the inspection.
 *
 * @param {UploadRecord} record
 * @param {() => Promise<UploadRecord>} fetchAgain
 * @param {import("./poll-pace.js").PollPace} pace
 * @param {AbortSignal} signal
 */
export async function whenInspected(record, fetchAgain, pace, signal) {
  for (let round = 0; record.state === "inspecting"; round += 1) {
    await pace.pause(round, signal);
    record = await fetchAgain();
  }
  return record;
}

/**
 * Return the error of an upload that was rejected, has expired or was cancelled.
 *
 * @param {UploadRecord} record
 */
export function ending({ id, state, rejected_reason: reason }) {
  if (state === "rejected") {
    return Object.assign(new UploadError("rejected", reason || "The server refused this file."), { uploadId: id });
  }
  if (state === "expired") return new UploadError("upload_over", "The upload took too long and expired. Try again.");
  return new UploadError("upload_over", "The upload was cancelled in another tab or on another device. Try again to start a new upload.");
}
