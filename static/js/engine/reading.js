/** Milliseconds to wait before each retry. */
export const PAUSES_MS = [100, 500, 2_000];
const SLICE_BYTES = 64 * 1024 * 1024;
const READ_ERRORS = ["NotReadableError", "NotFoundError"];

/**
 * Read a file. If the browser cannot read it, retry three times.
 *
 * When a download starts or the page reloads, WebKit fails all reads in progress, but later reads succeed.
 *
 * @template T
 * @param {(failures: number) => Promise<T>} read reads the file; `failures`: number of failed reads so far
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
 * Return a new slice of all bytes, with an empty type. After one failed read of a slice, WebKit may fail all later reads
 * of the same slice.
 *
 * @param {Blob} blob
 */
export function freshSlice(blob) {
  return blob.slice(0, blob.size, "");
}

/**
 * @param {unknown} error
 * @returns {boolean} whether the error says that the browser could not read a file
 */
export function isReadError(error) {
  return error instanceof Error && READ_ERRORS.includes(error.name);
}

/**
 * Yield the bytes of a file in slices of up to 64 MiB, so that only one slice is in memory. Smaller slices would cost
 * more CPU time.
 *
 * @param {Blob} blob
 */
export async function* readSlices(blob) {
  for (let start = 0; start < blob.size; start += SLICE_BYTES) {
    yield new Uint8Array(await readWhole(blob.slice(start, start + SLICE_BYTES)));
  }
}

/**
 * Return the bytes of a blob. Throw NotFoundError instead of AbortError: nothing can abort this read, and Firefox throws
 * AbortError for a deleted file.
 *
 * @param {Blob} blob
 */
export async function readBytes(blob) {
  try {
    return await blob.arrayBuffer();
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "AbortError") throw error;
    throw new DOMException("The file was deleted.", "NotFoundError");
  }
}

/**
 * Return all bytes of a blob. Throw NotReadableError if bytes are missing, because Firefox returns fewer bytes of a file
 * that has become shorter.
 *
 * @param {Blob} blob
 */
export async function readWhole(blob) {
  const bytes = await readBytes(blob);
  if (bytes.byteLength < blob.size) throw new DOMException("The file has become shorter.", "NotReadableError");
  return bytes;
}
