// As in uploads/views/wording.py: tests/cases/reasons.json is for both.
const FAMILIES = "application|audio|binary|font|image|message|model|multipart|text|video";
const TYPES = new RegExp(` \\((?:${FAMILIES})/[\\w.+-]+(?:, (?:${FAMILIES})/[\\w.+-]+)*\\)`, "g");

/**
 * A refusal's reason without the content types that programs and operators read.
 *
 * @param {string} reason
 */
export const reasonInWords = (reason) => reason.replace(TYPES, "");
