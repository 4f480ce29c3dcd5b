"""Use the limits of current SQLite versions, which are higher than Django assumes."""

from __future__ import annotations

import sqlite3

from django.db.backends.sqlite3.base import DatabaseWrapper

MAX_PARAMETERS = 32_766
"""Maximum number of values in a statement. Django assumes 999, as before SQLite 3.32."""


def take_large_statements() -> None:
    """Raise Django's limit, so that a batch of 100 rows is one INSERT."""
    if sqlite3.sqlite_version_info >= (3, 32):
        features: type = DatabaseWrapper.features_class
        setattr(features, "max_query_params", MAX_PARAMETERS)  # noqa: B010  typed wrongly
