"""Writes audit events for logins, accounts, rights, policies and changes in the admin.

Django's own code makes most of these changes and writes no audit events, but it sends
signals. The receivers in this package write the events. The import of this package
connects the receivers to the signals.
"""

from uploads.trail.receivers import (
    accounts,
    admin_entries,
    logins,
    policies,
    rights,
    second_factors,
)

__all__ = [
    "accounts",
    "admin_entries",
    "logins",
    "policies",
    "rights",
    "second_factors",
]
