import { CRC64NVME, digestNamed, crc64nvme } from "./digest.js";
import { Crc64Nvme } from "./crc64nvme.js";
import { createCRC64 } from "hash-wasm";
import { freshSlice } from "./reading.js";

/**
 * @typedef {import("./hasher.js").Answer} Answer
 * @typedef {import("./digest.js").Readable} Readable
 */

const POLYNOMIAL = "9a6c9329ac4bc9b5";
const GROUP = 25; // small files in one read; the worker reads the groups of one message in parallel

const scope = /** @type {{name: string, onmessage: unknown, postMessage: (message: unknown, transfer?: ArrayBuffer[]) => void}} */ (
  /** @type {unknown} */ (globalThis)
);

// Only Chromium has this property, and only on secure pages. Without the property, Chromium reads slices too.
const isChromium = "userAgentData" in (globalThis.navigator ?? {});

let isWasmRefused = false;

/** Return a CRC64NVME hash in WebAssembly, or in JavaScript if the browser or the Content-Security-Policy forbids WebAssembly. */
async function createHash() {
  if (!isWasmRefused) {
    try {
      const hash = await createCRC64(POLYNOMIAL);
      return { update: hash.update, digest: () => hash.digest("binary") };
    } catch {
      isWasmRefused = true;
    }
  }
  return new Crc64Nvme();
}

/** The algorithm of this worker. The page passes it in the worker's option `name`. */
const digest = digestNamed(scope.name) === CRC64NVME ? crc64nvme(createHash) : digestNamed(scope.name);

/** @param {MessageEvent<Blob | Blob[]>} message one file, or several small files */
scope.onmessage = async ({ data }) => {
  if (!Array.isArray(data)) return scope.postMessage(await answer(data, async (blob) => ({ checksum: await digest.checksum(blob) })));
  const groups = [];
  for (let start = 0; start < data.length; start += GROUP) groups.push(readTogether(data.slice(start, start + GROUP)));
  const files = (await Promise.all(groups)).flat();
  const answers = await Promise.all(files.map((file) => answer(file, digest.readSmall)));
  scope.postMessage({ answers }, answers.flatMap(({ bytes }) => bytes ?? []));
};

/**
 * Read several files at once, because each read passes through the browser's process. If one of them cannot be read,
 * return the files, so that the caller reads each of them alone.
 *
 * @param {Blob[]} blobs
 * @returns {Promise<Readable[]>}
 */
async function readTogether(blobs) {
  try {
    // A slice has a fixed length. Without slices, Firefox reads a file that has become longer completely, and its last bytes
    // would be taken for the beginning of the next file. Chromium refuses to read a changed file, and its slices are slow.
    const all = await new Blob(isChromium ? blobs : blobs.map(freshSlice)).arrayBuffer();
    if (all.byteLength !== blobs.reduce((sum, { size }) => sum + size, 0)) return blobs;
    let end = 0;
    return blobs.map(({ size }) => {
      const bytes = all.slice(end, (end += size));
      return { arrayBuffer: async () => bytes };
    });
  } catch {
    return blobs;
  }
}

/**
 * @template {Readable} File
 * @param {File} blob
 * @param {(blob: File) => Promise<Answer>} hash
 * @returns {Promise<Answer>}
 */
async function answer(blob, hash) {
  try {
    return await hash(blob);
  } catch (error) {
    const { name, message } = /** @type {Error} */ (error);
    return { error: { name, message } };
  }
}

scope.postMessage({ isStarted: true });
