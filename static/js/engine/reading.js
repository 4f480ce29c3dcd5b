/** Milliseconds to wait before each retry. */
export const PAUSES_MS = [100, 500, 2_000];
const SLICE_BYTES = 4 * 1024 * 1024;
const READ_ERRORS = ["NotReadableError", "NotFoundError"];

/**
 * Read a file, and retry a few times if the browser cannot read it.
 *
 * When a download starts or the page reloads, WebKit fails the reads in progress once. The next read works.
 * Other errors are thrown at once.
 *
 * @template T
 * @param {(failures: number) => Promise<T>} read `failures`: number of failed reads so far
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
 * Return the same bytes without a type, as a new slice on which no read has failed.
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

/**
 * Yield the bytes of a file in slices of up to 4 MiB. The next slice is read while the caller works on this one.
 *
 * @param {Blob} blob
 */
export async function* readSlices(blob) {
  const read = (/** @type {number} */ start) => {
    const bytes = blob.slice(start, start + SLICE_BYTES).arrayBuffer();
    bytes.catch(() => {}); // the loop throws this error, unless the caller has ended it
    return bytes;
  };
  let next = read(0);
  for (let end = SLICE_BYTES; end - SLICE_BYTES < blob.size; end += SLICE_BYTES) {
    const bytes = await next;
    next = read(end);
    yield new Uint8Array(bytes);
  }
}
