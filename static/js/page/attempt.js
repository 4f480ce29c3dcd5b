/** @typedef {import("../engine/upload.js").Upload} Upload an attempt to continue an unfinished upload */

/** States in which nothing is left to do. */
export const ENDED = new Set(["done", "cancelled"]);

/** @param {Upload} attempt */
export const isInProgress = ({ state }) => !ENDED.has(state) && state !== "failed";

/**
 * Whether the file was not the same, so that the upload still waits for the right file.
 *
 * @param {Upload} attempt
 */
export const isRefused = ({ state, error }) =>
  state === "failed" && /** @type {{code?: string} | null} */ (error)?.code === "different_file";
