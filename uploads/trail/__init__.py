"""The audit trail: writes, exports and deletes events."""
