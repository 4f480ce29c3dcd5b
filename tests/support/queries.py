"""Count SQL queries, and read the plans in which SQLite runs them."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection
from django.test.utils import CaptureQueriesContext


def count_queries(act: Callable[[], object]) -> int:
    """Return the number of SQL queries of a call."""
    with CaptureQueriesContext(connection) as seen:
        act()
    return len(seen)


def plan_of(query: str) -> list[str]:
    """Return the steps in which SQLite runs a query."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {query}")
        return [row[3] for row in cursor.fetchall()]
