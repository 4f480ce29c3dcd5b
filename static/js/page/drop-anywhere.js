import { askForHandles } from "./file-handles.js";
import { getDroppedFiles } from "@uppy/core/utils";

/** Fingers do not drop: on such a device the words are others. */
export const canDrop = !matchMedia("(hover: none), (pointer: coarse)").matches;

/**
 * Take files that are dropped anywhere in the window, or pasted outside a text field.
 *
 * @param {HTMLElement} veil shown while files hover over the window
 * @param {(files: File[]) => void} take
 */
export function acceptAnywhere(veil, take) {
  let depth = 0;

  /** @param {boolean} isOver */
  const show = (isOver) => {
    veil.hidden = !isOver;
  };

  /**
   * @param {string} type
   * @param {(event: DragEvent) => void} react
   */
  const on = (type, react) => {
    const listener = (/** @type {Event} */ event) => {
      const drag = /** @type {DragEvent} */ (event);
      if (!drag.dataTransfer?.types.includes("Files")) return;
      drag.preventDefault();
      // Before the Dashboard sees it: the whole window is one target.
      drag.stopPropagation();
      react(drag);
    };
    window.addEventListener(type, listener, { capture: true });
  };

  on("dragenter", () => {
    depth += 1;
    show(true);
  });
  on("dragleave", () => {
    depth = Math.max(0, depth - 1);
    if (depth === 0) show(false);
  });
  on("dragover", (event) => {
    if (event.dataTransfer) event.dataTransfer.dropEffect = "copy";
  });
  on("drop", async (event) => {
    depth = 0;
    show(false);
    if (!event.dataTransfer) return;
    const remember = askForHandles(event.dataTransfer);
    const files = await getDroppedFiles(event.dataTransfer);
    remember(files);
    take(files);
  });

  window.addEventListener(
    "paste",
    (event) => {
      const inText = event.target instanceof Element && event.target.closest("input, textarea, [contenteditable]");
      const files = [...(event.clipboardData?.files ?? [])];
      if (inText || files.length === 0) return;
      event.preventDefault();
      event.stopPropagation();
      if (event.clipboardData) askForHandles(event.clipboardData)(files);
      take(files);
    },
    { capture: true },
  );
}
