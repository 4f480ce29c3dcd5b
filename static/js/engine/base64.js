/**
 * Return the bytes in base64. Use it only for short values such as checksums.
 *
 * @param {Uint8Array} bytes
 */
export function base64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}
