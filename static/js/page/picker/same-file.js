const MIB = 1024 * 1024;
const WHOLE = 32 * MIB;
const SAMPLES = 32;

/**
 * Return the key of a file: a string of its path, size and time. A file has the same key each time the person chooses it.
 * Two different files may have the same key too.
 *
 * @param {{name: string, path: string, file: {size: number, lastModified?: number}}} item
 */
export function fileKey({ name, path, file }) {
  const at = path || name;
  const known = KEYS.get(file);
  if (known?.at === at) return known.key;
  const { size, lastModified } = file;
  const key = JSON.stringify([at, size, lastModified ?? null]);
  KEYS.set(file, { at, key });
  return key;
}

/** The key of each file, stored because some browsers need long to return the size and time of a file. @type {WeakMap<object, {at: string, key: string}>} */
const KEYS = new WeakMap();

/**
 * Check whether two files have the same content.
 *
 * Compare all bytes up to 32 MiB, and 32 samples of 1 MiB of larger files. Return false if a file cannot be read.
 *
 * @param {Blob} one
 * @param {Blob} other
 * @returns {Promise<boolean>}
 */
export async function sameContent(one, other) {
  if (one === other) return true;
  if (one.size !== other.size) return false;
  try {
    for (const [start, end] of samples(one.size)) {
      const [mine, yours] = await Promise.all([one, other].map((file) => file.slice(start, end).arrayBuffer()));
      if (!sameBytes(new Uint8Array(mine), new Uint8Array(yours))) return false;
    }
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {number} size
 * @returns {[number, number][]} the start and end of the byte ranges to compare, each at most 1 MiB
 */
function samples(size) {
  const isWhole = size <= WHOLE;
  const count = isWhole ? Math.ceil(size / MIB) : SAMPLES;
  const step = isWhole ? MIB : (size - MIB) / (SAMPLES - 1);
  return Array.from({ length: count }, (_, index) => {
    const start = Math.floor(index * step);
    return [start, Math.min(size, start + MIB)];
  });
}

/**
 * @param {Uint8Array} one
 * @param {Uint8Array} other
 */
function sameBytes(one, other) {
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index += 1) if (one[index] !== other[index]) return false;
  return true;
}
