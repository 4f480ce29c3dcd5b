import { formatBytes } from "./format.js";

/** @typedef {{max_file_size: number, allowed_content_types: string[]}} Policy */

/**
 * Return the reason why the file is too large for the policy, or "".
 *
 * The type is not checked here, because browsers often report a wrong type. The server checks the type.
 *
 * @param {{size: number | null}} file
 * @param {Policy} policy
 */
export function refusal(file, policy) {
  if ((file.size ?? 0) <= policy.max_file_size) return "";
  return `larger than ${formatBytes(policy.max_file_size)}, the limit for one file`;
}

/**
 * Return the sentence below the drop area about allowed sizes and types.
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
