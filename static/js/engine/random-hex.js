/** Return 128 random bits in hex. Do not use `crypto.randomUUID`, because browsers lack it on http:// pages. */
export function randomHex() {
  const words = crypto.getRandomValues(new Uint32Array(4));
  return Array.from(words, (word) => word.toString(16).padStart(8, "0")).join("");
}
