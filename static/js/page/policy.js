import { formatBytes } from "./format.js";

/** @typedef {{max_file_size: number, allowed_content_types: string[]}} Policy */

/**
 * Return why the server would refuse a file, or "" when it would not.
 *
 * Types are the server's to judge: what a browser knows of them is often wrong.
 *
 * @param {{size: number | null}} file
 * @param {Policy} policy
 */
export function refusal(file, policy) {
  if ((file.size ?? 0) <= policy.max_file_size) return "";
  return `larger than ${formatBytes(policy.max_file_size)}, the most for one file`;
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
