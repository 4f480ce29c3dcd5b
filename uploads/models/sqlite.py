"""SQLite as it is built today, which Django does not count on."""

from __future__ import annotations

import sqlite3

from django.db.backends.sqlite3.features import DatabaseFeatures

MAX_PARAMETERS = 32_766
"""Values in one statement. Until SQLite 3.32 it was 999, which Django still assumes."""


def take_large_statements() -> None:
    """Let a batch of a hundred rows be one INSERT."""
    if sqlite3.sqlite_version_info >= (3, 32):
        features: type = DatabaseFeatures
        setattr(features, "max_query_params", MAX_PARAMETERS)  # noqa: B010  typed wrongly
