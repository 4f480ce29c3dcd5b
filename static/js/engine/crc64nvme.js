/** Computes CRC64NVME in JavaScript. S3 computes this checksum by default. */

// The polynomial 0xad93d23594c93659 with its bits in reverse order. It is stored as two numbers, because JavaScript's bit
// operations use only 32 bits.
const POLYNOMIAL = { high: 0x9a6c9329, low: 0xac4bc9b5 };
const SLICES = 8; // bytes per step; each byte of a step has its own table

/** @type {{high: Uint32Array, low: Uint32Array} | undefined} */
let tables;

/** Computes the checksum of the bytes that `update` gets. */
export class Crc64Nvme {
  #tables = (tables ??= createTables());
  #high = 0xffffffff;
  #low = 0xffffffff;

  /** @param {Uint8Array} bytes */
  update(bytes) {
    const { high: tableHigh, low: tableLow } = this.#tables;
    let [high, low, position] = [this.#high, this.#low, 0];
    for (const end = bytes.length - (SLICES - 1); position < end; position += SLICES) {
      low ^= bytes[position] | (bytes[position + 1] << 8) | (bytes[position + 2] << 16) | (bytes[position + 3] << 24);
      high ^= bytes[position + 4] | (bytes[position + 5] << 8) | (bytes[position + 6] << 16) | (bytes[position + 7] << 24);
      const a = 1792 | (low & 255);
      const b = 1536 | ((low >>> 8) & 255);
      const c = 1280 | ((low >>> 16) & 255);
      const d = 1024 | (low >>> 24);
      const e = 768 | (high & 255);
      const f = 512 | ((high >>> 8) & 255);
      const g = 256 | ((high >>> 16) & 255);
      const h = high >>> 24;
      low = tableLow[a] ^ tableLow[b] ^ tableLow[c] ^ tableLow[d] ^ tableLow[e] ^ tableLow[f] ^ tableLow[g] ^ tableLow[h];
      high = tableHigh[a] ^ tableHigh[b] ^ tableHigh[c] ^ tableHigh[d] ^ tableHigh[e] ^ tableHigh[f] ^ tableHigh[g] ^ tableHigh[h];
    }
    for (; position < bytes.length; position += 1) {
      const index = (low ^ bytes[position]) & 255;
      low = ((low >>> 8) | (high << 24)) ^ tableLow[index];
      high = (high >>> 8) ^ tableHigh[index];
    }
    this.#high = high;
    this.#low = low;
  }

  /** @returns {Uint8Array} 8 bytes, the most significant first, as in S3's checksum header */
  digest() {
    const bytes = new Uint8Array(8);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, ~this.#high >>> 0);
    view.setUint32(4, ~this.#low >>> 0);
    return bytes;
  }
}

/** Return eight tables. Table n contains, for each byte, the checksum of this byte followed by n zero bytes. */
function createTables() {
  const high = new Uint32Array(SLICES * 256);
  const low = new Uint32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte += 1) {
    let [left, right] = [0, byte];
    for (let bit = 0; bit < 8; bit += 1) {
      const isOdd = right & 1;
      right = ((right >>> 1) | (left << 31)) ^ (isOdd && POLYNOMIAL.low);
      left = (left >>> 1) ^ (isOdd && POLYNOMIAL.high);
    }
    high[byte] = left;
    low[byte] = right;
  }
  for (let index = 256; index < SLICES * 256; index += 1) {
    const [left, right] = [high[index - 256], low[index - 256]];
    high[index] = (left >>> 8) ^ high[right & 255];
    low[index] = ((right >>> 8) | (left << 24)) ^ low[right & 255];
  }
  return { high, low };
}
