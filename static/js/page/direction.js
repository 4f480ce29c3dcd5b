/** Characters of right-to-left scripts, and invisible characters that change the direction of text. */
const BIDI = /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefe\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/**
 * Check whether a part of the name may be shown from right to left.
 *
 * @param {string} name
 */
export const isBidirectional = (name) => BIDI.test(name);

/**
 * Return the name. If it has right-to-left characters, put it between Unicode isolate characters. Without these, such a
 * name would change the order of the words around it.
 *
 * @param {string} name
 */
export function isolated(name) {
  return isBidirectional(name) ? `\u2068${name}\u2069` : name;
}
