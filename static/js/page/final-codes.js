/** Error codes for which a retry is useless, because it would fail with the same error. */
export const FINAL_CODES = new Set([
  "content_type_not_allowed", "different_file", "file_too_large", "invalid_request", "rejected", "unreadable",
]);
