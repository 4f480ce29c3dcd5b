/** @typedef {import("../engine/upload.js").Upload} Upload an attempt to go on with an unfinished upload */

/** States in which nothing of it is left to do. */
export const OVER = new Set(["done", "cancelled"]);

/** @param {Upload} attempt */
export const isUnderWay = ({ state }) => !OVER.has(state) && state !== "failed";

/**
 * Whether the file was another one: the upload waits for the right one.
 *
 * @param {Upload} attempt
 */
export const isRefused = ({ state, error }) =>
  state === "failed" && /** @type {{code?: string} | null} */ (error)?.code === "different_file";
