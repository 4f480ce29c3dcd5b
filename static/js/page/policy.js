import { declaredType } from "../engine/content-type.js";
import { formatBytes } from "./format.js";

/** @typedef {{max_file_size: number, allowed_content_types: string[]}} Policy */

/**
 * Return why the server would refuse a file, or "" when it would not.
 *
 * @param {{name: string, type: string, size: number | null}} file
 * @param {Policy} policy
 * @param {string[]} inertTypes
 */
export function refusal(file, policy, inertTypes) {
  if ((file.size ?? 0) > policy.max_file_size) {
    return `larger than ${formatBytes(policy.max_file_size)}, the most for one file`;
  }
  const type = declaredType(file.type, inertTypes);
  if (!allows(policy.allowed_content_types, type)) return "files of this type are not allowed here";
  return "";
}

/**
 * @param {string[]} allowed
 * @param {string} type
 */
function allows(allowed, type) {
  return allowed.some((pattern) => pattern === "*/*" || pattern === type || pattern === `${type.split("/")[0]}/*`);
}

/**
 * Say below the drop area what fits.
 *
 * @param {Policy} policy
 * @param {number} limitBytes
 */
export function describePolicy({ max_file_size: largest, allowed_content_types: types }, limitBytes) {
  const size = largest < limitBytes ? `Up to ${formatBytes(largest)} a file` : "Any size that fits your space";
  const kinds = types.includes("*/*") ? "" : `, ${types.map(nameOfType).join(", ")} only`;
  return `${size}${kinds}`;
}

/** @param {string} type */
function nameOfType(type) {
  const [family, kind] = type.split("/");
  return kind === "*" ? `${family}s` : kind;
}
