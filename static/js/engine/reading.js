/** How long to wait before each retry. */
export const PAUSES_MS = [100, 500, 2_000];
const READ_ERRORS = ["NotReadableError", "NotFoundError"];

/**
 * Read a file; read it again a few times before its error counts.
 *
 * WebKit fails reads in progress once when a download starts or the page reloads. The next read works.
 * Errors that are not about reading are thrown at once.
 *
 * @template T
 * @param {(failures: number) => Promise<T>} read `failures`: how many reads have failed so far
 * @param {{clock: import("./clock.js").Clock, signal?: AbortSignal}} options
 * @returns {Promise<T>}
 */
export async function readAgain(read, { clock, signal }) {
  for (let failures = 0; ; failures += 1) {
    try {
      return await read(failures);
    } catch (error) {
      if (failures === PAUSES_MS.length || !isReadError(error)) throw error;
      await clock.sleep(PAUSES_MS[failures], signal);
    }
  }
}

/**
 * Return the same bytes without a type, as a slice that no failed read belongs to.
 *
 * @param {Blob} blob
 */
export function freshSlice(blob) {
  return blob.slice(0, blob.size, "");
}

/**
 * @param {unknown} error
 * @returns {boolean} whether the browser could not read a file
 */
export function isReadError(error) {
  return error instanceof Error && READ_ERRORS.includes(error.name);
}
