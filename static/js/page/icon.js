import archive from "lucide-static/icons/file-archive.svg";
import check from "lucide-static/icons/check.svg";
import code from "lucide-static/icons/file-code.svg";
import download from "lucide-static/icons/download.svg";
import ellipsis from "lucide-static/icons/ellipsis.svg";
import file from "lucide-static/icons/file.svg";
import film from "lucide-static/icons/film.svg";
import image from "lucide-static/icons/image.svg";
import info from "lucide-static/icons/info.svg";
import music from "lucide-static/icons/music.svg";
import pause from "lucide-static/icons/pause.svg";
import pencil from "lucide-static/icons/pencil.svg";
import play from "lucide-static/icons/play.svg";
import plus from "lucide-static/icons/plus.svg";
import presentation from "lucide-static/icons/presentation.svg";
import refresh from "lucide-static/icons/refresh-cw.svg";
import sheet from "lucide-static/icons/file-spreadsheet.svg";
import success from "lucide-static/icons/circle-check.svg";
import text from "lucide-static/icons/file-text.svg";
import trash from "lucide-static/icons/trash-2.svg";
import upload from "lucide-static/icons/upload.svg";
import warning from "lucide-static/icons/triangle-alert.svg";
import x from "lucide-static/icons/x.svg";

const ICONS = {
  archive, check, code, download, ellipsis, file, film, image, info, music, pause, pencil, play, plus,
  presentation, refresh, sheet, success, text, trash, upload, warning, x,
};
const SVG = "http://www.w3.org/2000/svg";
const SHAPE = /<(path|circle|rect|line|polyline|polygon|ellipse)\s([^>]*?)\/>/g;
const ATTRIBUTE = /([\w-]+)="([^"]*)"/g;

/** @typedef {keyof typeof ICONS} IconName */

/**
 * Return an icon as an SVG element. Build it shape by shape, because Trusted Types forbid markup from strings.
 *
 * @param {IconName} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const drawn = DRAWN.get(name) ?? draw(name);
  DRAWN.set(name, drawn);
  return /** @type {SVGSVGElement} */ (drawn.cloneNode(true));
}

/** @type {Map<IconName, SVGSVGElement>} */
const DRAWN = new Map();

/** @param {IconName} name */
function draw(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  for (const [, shape, attributes] of ICONS[name].matchAll(SHAPE)) {
    const part = document.createElementNS(SVG, shape);
    for (const [, key, value] of attributes.matchAll(ATTRIBUTE)) part.setAttribute(key, value);
    svg.append(part);
  }
  return svg;
}

/** @type {[RegExp, IconName][]} */
const KINDS = [
  [/^image\//, "image"],
  [/^video\//, "film"],
  [/^audio\//, "music"],
  [/zip|tar|compressed|archive|x-7z|x-bzip|gzip/, "archive"],
  [/spreadsheet|excel|^text\/csv/, "sheet"],
  [/presentation|powerpoint/, "presentation"],
  [/json|javascript|xml|x-python|x-sh|html|css/, "code"],
  [/^text\/|pdf|word|document/, "text"],
];

/**
 * @param {string} contentType
 * @returns {IconName} the icon for files of this type
 */
export function iconNameFor(contentType) {
  return KINDS.find(([pattern]) => pattern.test(contentType))?.[1] ?? "file";
}
