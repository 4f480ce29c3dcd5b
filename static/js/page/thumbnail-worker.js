import { drawThumbnail } from "./thumbnail-drawing.js";

const scope = /** @type {{onmessage: unknown, postMessage: (message: unknown) => void}} */ (
  /** @type {unknown} */ (globalThis)
);

/** @param {MessageEvent<Blob>} message */
scope.onmessage = async ({ data }) => {
  scope.postMessage({ picture: await drawThumbnail(data).catch(() => null) });
};
