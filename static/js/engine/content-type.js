const UNKNOWN = "application/octet-stream";
const WELL_FORMED = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,62}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}$/;

/**
 * Return the content type to declare for `type`, which the browser reports: "" for a type that it does not know.
 *
 * @param {string} type
 */
export function declaredType(type) {
  const plain = type.split(";")[0].trim().toLowerCase();
  return WELL_FORMED.test(plain) ? plain : UNKNOWN;
}
