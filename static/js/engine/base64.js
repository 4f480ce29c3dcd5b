/**
 * Return the bytes in base64. For checksums and other short values.
 *
 * @param {Uint8Array} bytes
 */
export function base64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}
