const WORDS = 4; // 32-bit words in one value
const KEPT_VALUES = 64; // one call of getRandomValues takes about 20 us, however few bits it returns
const kept = new Uint32Array(WORDS * KEPT_VALUES);
let used = kept.length;

/** Return 128 random bits in hex. Do not use `crypto.randomUUID`, because browsers lack it on http:// pages. */
export function randomHex() {
  if (used === kept.length) {
    crypto.getRandomValues(kept);
    used = 0;
  }
  let hex = "";
  for (const end = used + WORDS; used < end; used += 1) hex += kept[used].toString(16).padStart(8, "0");
  return hex;
}
