import { askForName, confirm } from "./dialogs.js";

/**
 * @typedef {import("../engine/api.js").UploadRecord} UploadRecord
 * @typedef {{
 *   api: import("../engine/api.js").Api,
 *   current: (id: string) => UploadRecord | undefined,
 *   onRenamed: (record: UploadRecord) => void,
 *   onRemoved: (id: string) => void,
 * }} Options
 */

/**
 * Return the menu items for a file in the list.
 *
 * @param {string} id
 * @param {Options} options
 * @returns {import("./menu.js").MenuItem[]}
 */
export function fileActions(id, options) {
  const record = options.current(id);
  if (!record) return [];
  const { state } = record;
  const isStored = state === "ready" || state === "inspecting";
  /** @type {import("./menu.js").MenuItem[]} */
  const items = [{ label: "Details", icon: "info", href: `/uploads/${id}/` }];
  if (state === "ready") {
    items.unshift({ label: "Download", icon: "download", href: options.api.downloadUrl(id), download: true });
  }
  if (isStored) items.push({ label: "Rename", icon: "pencil", run: () => void rename(record, options) });
  if (record.release === "possible") {
    items.push({ label: "Ask for release", icon: "check", run: () => void requestRelease(record, options) });
  }
  items.push({
    label: isStored ? "Delete" : "Remove",
    icon: "trash",
    danger: true,
    run: () => void remove(record, options),
  });
  return items;
}

/**
 * @param {UploadRecord} record
 * @param {Options} options
 */
async function rename(record, { api, onRenamed }) {
  let renamed = record;
  const done = await askForName(record.filename, async (filename) => {
    renamed = await api.rename(record.id, filename, { attempts: 2 });
  });
  // Update the row only after the dialog has closed, when the focus is back in the row. The list draws a new row, and
  // gives it the focus only if the old row had the focus.
  if (done) onRenamed(renamed);
}

/**
 * @param {UploadRecord} record
 * @param {Options} options
 */
async function requestRelease(record, { api, onRenamed }) {
  let requested = record;
  const words = {
    title: "Ask for the release of this file?",
    name: record.filename,
    text: "An operator will check the file and decide.",
    yes: "Ask",
  };
  const done = await confirm(words, async () => {
    requested = await api.requestRelease(record.id, { attempts: 2 });
  });
  if (done) onRenamed(requested);
}

/**
 * @param {UploadRecord} record
 * @param {Options} options
 */
async function remove(record, { api, onRemoved }) {
  const isReleasable = record.release === "possible" || record.release === "requested";
  const lost = isReleasable ? " After the removal, no operator can release this file." : "";
  const words =
    record.state === "rejected"
      ? { title: "Remove this file from the list?", text: `The site refused this file and does not offer it for download.${lost}`, yes: "Remove" }
      : {
          title: "Delete this file?",
          text: "The file will be deleted from storage, and its space will be free again. This cannot be undone.",
          yes: "Delete",
        };
  const done = await confirm({ ...words, name: record.filename }, () => api.cancel(record.id, { attempts: 2 }));
  if (done) onRemoved(record.id);
}
