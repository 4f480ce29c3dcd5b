"""Writes down what Django itself does: logins, accounts, rights, the admin.

Most lines of the trail are written where the change is made. These cannot be: the
change is made in Django's own code, which says so with a signal. Importing this
package connects the receivers.
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
