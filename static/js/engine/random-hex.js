/** Return 128 random bits in hex. Do not use `crypto.randomUUID`, because browsers lack it on http:// pages. */
export function randomHex() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
