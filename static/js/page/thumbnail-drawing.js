const SIDE = 96;

/**
 * Return a thumbnail of an image file: the middle of the image as a square of at most 96 × 96 pixels. This function can be
 * called in workers and in the page.
 *
 * @param {Blob} file
 * @returns {Promise<Blob | null>} null if the browser cannot read the image
 */
export async function drawThumbnail(file) {
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) return null;
  try {
    const { width, height } = bitmap;
    const side = Math.min(width, height);
    const shown = Math.min(side, SIDE);
    const canvas = newCanvas(shown);
    const context = /** @type {CanvasRenderingContext2D | null} */ (canvas.getContext("2d"));
    if (!context) return null;
    context.imageSmoothingQuality = "medium";
    context.drawImage(bitmap, (width - side) / 2, (height - side) / 2, side, side, 0, 0, shown, shown);
    return await toBlob(canvas);
  } finally {
    bitmap.close();
  }
}

/** @param {number} side */
function newCanvas(side) {
  if (typeof OffscreenCanvas !== "undefined") return new OffscreenCanvas(side, side);
  return Object.assign(document.createElement("canvas"), { width: side, height: side });
}

/**
 * @param {OffscreenCanvas | HTMLCanvasElement} canvas
 * @returns {Promise<Blob | null>}
 */
function toBlob(canvas) {
  const options = { type: "image/webp", quality: 0.8 };
  if ("convertToBlob" in canvas) return canvas.convertToBlob(options);
  return new Promise((resolve) => canvas.toBlob(resolve, options.type, options.quality));
}
