"""The audit trail: writing, receivers of Django's signals, export, retention."""
