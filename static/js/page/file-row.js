import { element } from "./dom.js";
import { fileName } from "./file-name.js";
import { formatBytes, formatWhen, formatWhenInFull } from "./format.js";
import { icon, iconNameFor } from "./icon.js";
import { reasonInWords } from "./reason.js";

/**
 * @typedef {import("../engine/api.js").UploadRecord} UploadRecord
 * @typedef {{menuButton: (record: UploadRecord) => HTMLElement, downloadUrl: (id: string) => string, preview?: HTMLImageElement, isTold?: boolean}} RowOptions
 *   `isTold`: whether the progress card already shows why the server rejected the file
 */

/**
 * Return the row of one file in the list.
 *
 * @param {UploadRecord} record
 * @param {RowOptions} options
 * @returns {HTMLLIElement}
 */
export function fileRow(record, { menuButton, downloadUrl, preview, isTold = false }) {
  const folder = record.relative_path.split("/").slice(0, -1).join("/");
  const created = new Date(record.created_at);
  return element(
    "li",
    { class: "file", "data-id": record.id },
    element(
      "span",
      { class: "file__icon" },
      preview ?? icon(iconNameFor(record.content_type)),
    ),
    element(
      "span",
      { class: "file__main" },
      element("a", { class: "file__name", href: `/uploads/${record.id}/` }, fileName(record.filename)),
      folder && element("bdi", { class: "file__folder" }, folder),
      record.rejected_reason && element("span", { class: "file__reason", hidden: isTold }, reasonInWords(record.rejected_reason)),
      record.release && element("span", { class: "file__release" }, ...releaseWords(record)),
    ),
    element("span", { class: `file__state file__state--${record.state}` }, ...stateWords(record)),
    element("span", { class: "file__size" }, formatBytes(record.byte_size)),
    element(
      "time",
      { class: "file__when", datetime: record.created_at, title: formatWhenInFull(created) },
      formatWhen(created),
    ),
    element(
      "span",
      { class: "file__actions" },
      record.state === "ready" &&
        element(
          "a",
          {
            class: "icon-button file__download",
            href: downloadUrl(record.id),
            download: true,
            "aria-label": `Download ${record.filename}`,
            title: "Download",
          },
          icon("download"),
        ),
      menuButton(record),
    ),
  );
}

/**
 * @param {UploadRecord} record
 * @returns {import("./dom.js").Child[]}
 */
function releaseWords({ release, released_as }) {
  if (release === "possible") return ["A copy of this file is in quarantine. If the file is harmless, choose “Ask for release” in the menu of the file."];
  if (release === "requested") return ["You have asked the operators to release this file."];
  return ["Released as ", element("a", { href: `/uploads/${released_as}/` }, "a new file"), "."];
}

/**
 * @param {UploadRecord} record
 * @returns {import("./dom.js").Child[]}
 */
function stateWords({ state }) {
  if (state === "ready") return [icon("check"), "Ready"];
  if (state === "inspecting") return [element("span", { class: "spinner", "aria-hidden": "true" }), "Checking"];
  if (state === "rejected") return [icon("x"), "Refused"];
  return [state];
}
