"""Write audit events for changes that Django makes: logins, accounts, rights, admin.

Our own code writes an event where it makes a change. Django's code sends signals
instead, and these receivers write the events. Importing this package connects them.
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
