"""The audit trail: writing events, Django's signals, export and retention."""
