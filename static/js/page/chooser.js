import Dashboard from "@uppy/dashboard";
import { Uppy } from "@uppy/core";
import { canDrop } from "./drop-anywhere.js";
import { refusal } from "./policy.js";

/** @typedef {import("./policy.js").Policy} Policy */
/** @typedef {Uppy<any, any>} AnyUppy */

const STRINGS = {
  dashboardTitle: "Choose files",
  dropPasteBoth: `${canDrop ? "Drop files or folders here" : "Upload files or a folder"}\n%{browseFiles} %{browseFolders}`,
  browseFiles: "Choose files",
  browseFolders: "Choose a folder",
  dropHint: "Drop here",
  addMore: "Add",
  addingMoreFiles: "Add more files",
  cancel: "Back",
  back: "Back",
  removeFile: "Leave out",
  xFilesSelected: { 0: "%{smart_count} file chosen", 1: "%{smart_count} files chosen" },
};

/**
 * The area where files are chosen: Uppy's Dashboard in the house's clothes.
 *
 * @param {HTMLElement} target
 * @param {{id: string, note: string}} options
 * @returns {AnyUppy}
 */
export function createChooser(target, { id, note }) {
  const uppy = /** @type {AnyUppy} */ (new Uppy({ id, autoProceed: false }));
  /** @type {any} */ (uppy).use(Dashboard, {
    target,
    inline: true,
    width: "100%",
    height: "100%",
    theme: "auto",
    note,
    fileManagerSelectionType: "both",
    proudlyDisplayPoweredByUppy: false,
    singleFileFullScreen: false,
    // The house shows progress and messages itself.
    disableStatusBar: true,
    disableInformer: true,
    hideCancelButton: true,
    doneButtonHandler: null,
    locale: { strings: STRINGS },
  });
  return uppy;
}

/**
 * Leave out, before anything is sent, what the server would refuse.
 *
 * @param {AnyUppy} uppy
 * @param {{
 *   policy: () => Policy,
 *   onRefused: (lines: string[]) => void, divert: (file: File, relativePath: string) => boolean,
 * }} options
 *   `divert` tells whether a file goes another way; `onRefused` hears of all files that were left out of one choice
 */
export function enforcePolicy(uppy, { policy, onRefused, divert }) {
  /** @type {string[]} */
  let refused = [];
  uppy.setOptions({
    onBeforeFileAdded(file, files) {
      if (Object.hasOwn(files, file.id)) return false;
      const { relativePath } = file.meta;
      if (file.data instanceof File && divert(file.data, typeof relativePath === "string" ? relativePath : "")) return false;
      const reason = refusal(file, policy());
      if (!reason) return true;
      if (refused.length === 0) {
        queueMicrotask(() => {
          onRefused(refused);
          refused = [];
        });
      }
      refused.push(`${file.name}: ${reason}`);
      return false;
    },
  });
}

/**
 * @param {AnyUppy} uppy
 * @param {File[]} files
 */
export function addFiles(uppy, files) {
  const descriptors = files.map((file) => ({
    source: "page",
    name: file.name,
    type: file.type,
    data: file,
    meta: { relativePath: /** @type {any} */ (file).relativePath || file.webkitRelativePath || null },
  }));
  try {
    uppy.addFiles(descriptors);
  } catch (error) {
    uppy.log(/** @type {Error} */ (error));
  }
}
