const HEAD_BYTES = 4096;

/**
 * Return the first 4 KiB of the file as a field of the declaration, so that the server can refuse a type at the start.
 *
 * If the file cannot be read, return no field. The error appears later, when the engine tries to send the file.
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
