"""Tells Django that current SQLite versions accept more parameters in a statement."""

from __future__ import annotations

import sqlite3

from django.db.backends.sqlite3.base import DatabaseWrapper

MAX_PARAMETERS = 32_766
"""The maximum number of parameters in one statement, from SQLite 3.32 on.

Django assumes 999, the maximum of earlier versions.
"""


def take_large_statements() -> None:
    """Raise Django's limit, so that one INSERT can insert 100 rows."""
    if sqlite3.sqlite_version_info >= (3, 32):
        features: type = DatabaseWrapper.features_class
        setattr(features, "max_query_params", MAX_PARAMETERS)  # noqa: B010  typed wrongly
