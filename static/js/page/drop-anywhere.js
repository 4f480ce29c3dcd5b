import { rootsOf } from "./picker/incoming.js";

/** False on touch devices, where people cannot drop files. The page then shows other texts. */
export const canDrop = !matchMedia("(hover: none), (pointer: coarse)").matches;

/**
 * Call `take` with files that the person drops anywhere in the window or pastes outside a text field.
 *
 * @param {HTMLElement} veil an element that is shown while the person drags files over the window
 * @param {(roots: import("./picker/walk.js").Root[]) => void} take
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
  on("drop", (event) => {
    depth = 0;
    show(false);
    if (event.dataTransfer) take(rootsOf(event.dataTransfer));
  });

  window.addEventListener(
    "paste",
    (event) => {
      const { clipboardData, target } = event;
      if (!clipboardData?.types.includes("Files")) return;
      const inText = target instanceof Element && target.closest("input, textarea, [contenteditable]");
      if (inText && clipboardData.types.includes("text/plain")) return;
      event.preventDefault();
      take(rootsOf(clipboardData));
    },
    { capture: true },
  );
}
