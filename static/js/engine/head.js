const HEAD_BYTES = 4096;

/**
 * Return the first bytes of the file as a part of the declaration, so that the server can refuse it early.
 *
 * A file that cannot be read is declared without them. The attempt to send it then reports the error.
 *
 * @param {Blob} file
 * @returns {Promise<{head?: string}>}
 */
export async function readHead(file) {
  if (file.size === 0) return {};
  try {
    const bytes = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
    return bytes.length > 0 ? { head: btoa(String.fromCharCode(...bytes)) } : {};
  } catch {
    return {};
  }
}
