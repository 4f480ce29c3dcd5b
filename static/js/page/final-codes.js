/** Codes of errors after which a retry would fail in the same way. */
export const FINAL_CODES = new Set([
  "content_type_not_allowed", "different_file", "file_too_large", "invalid_request", "rejected", "unreadable",
]);
