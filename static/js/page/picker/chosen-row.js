import { element } from "../dom.js";
import { fileName } from "../file-name.js";
import { formatBytes } from "../format.js";
import { icon, iconNameFor } from "../icon.js";

/** @typedef {import("./chosen.js").Item} Item */

/**
 * Return the row of one chosen file.
 *
 * @param {Item} item
 * @param {import("../thumbnails.js").Thumbnails} thumbnails
 */
export function chosenRow(item, thumbnails) {
  const { file, name, path, storedAs } = item;
  const folder = path.split("/").slice(0, -1).join("/");
  const face = element("span", { class: "file__icon chosen__face" }, icon(iconNameFor(file.type)));
  const button = element(
    "button",
    { class: "icon-button", type: "button", "aria-label": `Leave out ${name}`, title: "Leave out", tabindex: "-1" },
    icon("x"),
  );
  const node = element(
    "li",
    { class: "chosen__row", "data-file": path || name },
    face,
    element(
      "span",
      { class: "chosen__main" },
      fileName(name),
      storedAs
        ? element("span", { class: "chosen__note" }, "Will be stored as ", element("bdi", {}, storedAs))
        : folder && element("bdi", { class: "chosen__note" }, folder),
    ),
    element("span", { class: "chosen__size" }, formatBytes(file.size)),
    button,
  );
  const isWanted = () => node.isConnected;
  void thumbnails.want(file, isWanted).then((url) => url && face.replaceChildren(element("img", { src: url, alt: name })));
  return { node, button };
}
