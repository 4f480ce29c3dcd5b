import { readSmall, sha256Base64 } from "./sha256.js";

/** @typedef {import("./hasher.js").Answer} Answer */

const scope = /** @type {{onmessage: unknown, postMessage: (message: unknown, transfer?: ArrayBuffer[]) => void}} */ (
  /** @type {unknown} */ (globalThis)
);

/** @param {MessageEvent<Blob | Blob[]>} message one file, or several small files */
scope.onmessage = async ({ data }) => {
  if (!Array.isArray(data)) return scope.postMessage(await answer(data, async (blob) => ({ checksum: await sha256Base64(blob) })));
  const answers = await Promise.all(data.map((blob) => answer(blob, readSmall)));
  scope.postMessage({ answers }, answers.flatMap(({ bytes }) => bytes ?? []));
};

/**
 * @param {Blob} blob
 * @param {(blob: Blob) => Promise<Answer>} hash
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
