import { sha256Base64 } from "./sha256.js";

const scope = /** @type {{onmessage: unknown, postMessage: (message: unknown) => void}} */ (
  /** @type {unknown} */ (globalThis)
);

/** @param {MessageEvent<Blob>} message */
scope.onmessage = async ({ data }) => {
  try {
    scope.postMessage({ checksum: await sha256Base64(data) });
  } catch (error) {
    const { name, message } = /** @type {Error} */ (error);
    scope.postMessage({ error: { name, message } });
  }
};

scope.postMessage({ isStarted: true });
