"""Writes, exports and deletes events of the audit trail."""
