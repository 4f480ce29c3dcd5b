const UNKNOWN = "application/octet-stream";
const WELL_FORMED = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,62}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}$/;

/**
 * Return the content type to declare for what the browser calls `type`; it gives "" for what it does not know.
 *
 * @param {string} type
 */
export function declaredType(type) {
  const plain = type.split(";")[0].trim().toLowerCase();
  return WELL_FORMED.test(plain) ? plain : UNKNOWN;
}
