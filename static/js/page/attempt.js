/** @typedef {import("../engine/upload.js").Upload} Upload an attempt to continue an unfinished upload */

/** States of an upload that has ended without a failure. */
export const ENDED = new Set(["done", "cancelled"]);

/**
 * Check whether an upload has neither ended nor failed.
 *
 * @param {Pick<Upload, "state">} attempt
 */
export const isInProgress = ({ state }) => !ENDED.has(state) && state !== "failed";

/**
 * Check whether the upload failed because the person chose a wrong file. The person may choose another file.
 *
 * @param {Upload} attempt
 */
export const isRefused = ({ state, error }) =>
  state === "failed" && /** @type {{code?: string} | null} */ (error)?.code === "different_file";
