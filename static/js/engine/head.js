const HEAD_BYTES = 4096;

/**
 * Return the file's first bytes for the server's early answer, as a part of a declaration.
 *
 * A file that cannot be read is declared without them: sending it tells what is wrong.
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
