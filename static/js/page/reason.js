// This module follows the same rule as uploads/views/wording.py. tests/cases/reasons.json tests both modules.
const FAMILIES = "application|audio|binary|font|image|message|model|multipart|text|video";
const TYPES = new RegExp(` \\((?:${FAMILIES})/[\\w.+-]+(?:, (?:${FAMILIES})/[\\w.+-]+)*\\)`, "g");

/**
 * Return the reason of a rejection without the content types in brackets. Only programs and operators need the types.
 *
 * @param {string} reason
 */
export const reasonInWords = (reason) => reason.replace(TYPES, "");
