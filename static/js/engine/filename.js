// This module follows the same rules as uploads/text/filenames.py. tests/cases/filenames.json tests both modules.

const MAX_FILENAME_LENGTH = 255;
const MAX_PATH_LENGTH = 1024;
const UNNAMED = "unnamed";

// Control characters, line separators, lone surrogates, noncharacters, and all code points that Unicode calls
// Default_Ignorable. They are listed as ranges, because browsers and Python know different versions of Unicode.
const UNSEEN =
  "\\x00-\\x1f\\x7f-\\x9f\\xad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e" +
  "\\u2060-\\u206f\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb\\ufdd0-\\ufdef\\ud800-\\udfff\\u{1bca0}-\\u{1bca3}" +
  "\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e0fff}\\p{Noncharacter_Code_Point}";

// Scripts that need joiners and non-joiners (U+200C, U+200D) for correct spelling, such as Persian and Hindi.
const JOINING =
  "\\u0620-\\u0dff\\u0f00-\\u109f\\u1780-\\u180a\\u1810-\\u18af\\u1a20-\\u1aaf\\u1b00-\\u1c4f\\ua840-\\ua87f\\ua8e0-\\ua8ff" +
  "\\ua980-\\ua9df\\uaa60-\\uaa7f\\uabc0-\\uabff\\ufb50-\\ufdcf\\ufe70-\\ufefc\\u{10a00}-\\u{10aff}\\u{10d00}-\\u{10fff}" +
  "\\u{11000}-\\u{11fff}\\u{1e900}-\\u{1e95f}";
const SYMBOLS = "\\xa9\\xae\\u203c\\u2049\\u2100-\\u2bff\\u3030\\u303d\\u3297\\u3299\\u{1f000}-\\u{1faff}";
const IDEOGRAPHS = "\\u3400-\\u9fff\\uf900-\\ufaff\\u{20000}-\\u{3fffd}";

const WELL_PLACED = [
  // The flags of England, Scotland and Wales.
  "\\u{1f3f4}[\\u{e0030}-\\u{e0039}\\u{e0061}-\\u{e007a}]{3,6}\\u{e007f}",
  `(?<=[${JOINING}])[\\u200c\\u200d]`,
  // Emoji made of several characters, such as a family or a woman astronaut.
  `(?<=[${SYMBOLS}]\\ufe0f?)\\u200d(?=[${SYMBOLS}])`,
  `(?<=[${SYMBOLS}])[\\ufe00\\ufe0e\\ufe0f]`,
  "(?<=[0-9#*])\\ufe0f(?=\\u20e3)",
  `(?<=[${IDEOGRAPHS}])[\\ufe00-\\ufe02\\u{e0100}-\\u{e01ef}]`,
  "(?<=[\\u1000-\\u109f\\ua840-\\ua87f\\uaa60-\\uaa7f])\\ufe00",
  "(?<=[\\u1820-\\u18aa])[\\u180b-\\u180f]",
].join("|");
// eslint-disable-next-line no-misleading-character-class -- the class contains single code points, not sequences
const UNSEEN_OR_WELL_PLACED = new RegExp(`(${WELL_PLACED})|[${UNSEEN}]`, "gu");

// eslint-disable-next-line no-misleading-character-class -- the class contains single code points, not sequences
const UNSEEN_ONLY = new RegExp(`[${UNSEEN}]`, "gu");

// More than 30 combining marks on one letter. No language needs so many.
const TOWERS = /(\p{M}{30})\p{M}+/gu;

const END = /[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u2800\u3000.]+$/;
const WINDOWS_PATH = /^\s*(?:[A-Za-z]:[\\/]|\\\\|\.{1,2}\\)/;
const DRIVE = /^([A-Za-z]):/;
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\xb9\xb2\xb3]) *(?:[.:]|$)/i;

/**
 * Return the name under which the server stores a file.
 *
 * `changed` is true if the stored name looks different. A name that is only converted to the Unicode form NFC
 * looks the same, so `changed` is false.
 *
 * @param {string} name the name from the browser
 * @returns {{filename: string, changed: boolean}}
 */
export function cleanFilename(name) {
  const filename = clean(steps(name).at(-1) ?? "");
  return { filename, changed: filename !== name.normalize("NFC") };
}

/**
 * Return the folder path that the server stores for a file. Each segment is cleaned like a file name.
 *
 * @param {string} path the path from the browser
 * @returns {{relativePath: string, changed: boolean}}
 */
export function cleanRelativePath(path) {
  const kept = (path.includes("/") ? steps(path) : path.split("\\"))
    .filter((step) => !["", ".", ".."].includes(step))
    .map(clean);
  while (length(kept.join("/")) > MAX_PATH_LENGTH) kept.pop();
  const relativePath = kept.join("/");
  return { relativePath, changed: relativePath !== path.normalize("NFC").replace(/^\/+/, "") };
}

/**
 * Return `text` in the form that the server's search compares. Upper and lower case give the same result.
 *
 * @param {string} text
 */
export function folded(text) {
  const seen = text.replace(UNSEEN_ONLY, "").normalize("NFKC");
  // JavaScript has no function for case folding. A conversion to upper case and then to lower case has nearly the same
  // effect: ß becomes ss, ς becomes σ.
  const folded = seen.toUpperCase().toLowerCase().replaceAll("ς", "σ").normalize("NFKC");
  return folded.toLowerCase().replaceAll("i\u0307", "i").normalize("NFKC");
}

/** @param {string} path */
function steps(path) {
  return (WINDOWS_PATH.test(path) ? path.replaceAll("\\", "/") : path).split("/");
}

/** @param {string} step */
function clean(step) {
  const name = cut(visible(step).replaceAll("\\", "_").replace(END, "").replace(DRIVE, "$1_"));
  if (!name) return UNNAMED;
  return DEVICE.test(name) ? `_${begin(name, MAX_FILENAME_LENGTH - 1)}` : name;
}

/** @param {string} text */
function visible(text) {
  return text.replace(UNSEEN_OR_WELL_PLACED, "$1").replace(TOWERS, "$1").normalize("NFC");
}

/** @param {string} name */
function cut(name) {
  if (length(name) <= MAX_FILENAME_LENGTH) return name;
  const dot = name.lastIndexOf(".");
  const extension = length(name.slice(dot + 1));
  if (dot < 0 || extension > 16) return visible(begin(name, MAX_FILENAME_LENGTH)).replace(END, "");
  return visible(begin(name.slice(0, dot), MAX_FILENAME_LENGTH - extension - 1)) + name.slice(dot);
}

/**
 * Return the number of code points. The server counts characters in the same way.
 *
 * @param {string} text
 */
function length(text) {
  return [...text].length;
}

/**
 * @param {string} text
 * @param {number} count
 */
function begin(text, count) {
  return [...text].slice(0, count).join("");
}
