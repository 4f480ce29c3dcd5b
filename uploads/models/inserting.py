"""Inserts many rows with one statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connections, models, router
from django.db.models.expressions import DatabaseDefault


def insert_rows(model: type[models.Model], rows: Sequence[models.Model]) -> None:
    """Insert new rows. Every field must have a value, except an automatic primary key.

    In most columns, all rows of a batch have the same value. This function converts
    such a value for the database once. Django's bulk_create converts it for each row
    and takes twice as long. This function does not set automatic primary keys on
    ``rows``. Like bulk_create, it sends no signals.
    """
    if not rows:
        return
    using = router.db_for_write(model)
    connection = connections[using]
    fields: list[Any] = [
        field
        for field in model._meta.concrete_fields  # noqa: SLF001  Django's API
        if not isinstance(field, models.AutoField)
    ]
    columns = [_prepared(field, rows, connection) for field in fields]
    quote = connection.ops.quote_name
    names = ", ".join(quote(field.column) for field in fields)
    row = f"({', '.join(['%s'] * len(fields))})"
    places = ", ".join([row] * len(rows))
    table = quote(model._meta.db_table)  # noqa: SLF001
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({names}) VALUES {places}",  # noqa: S608
            [value for values in zip(*columns, strict=True) for value in values],
        )
    for one in rows:
        one._state.adding, one._state.db = False, using  # noqa: SLF001


def _prepared(field: Any, rows: Sequence[models.Model], connection: Any) -> list[Any]:
    """Return the values of one column, converted for the database."""
    if field.has_db_default():
        _fill_in_default(field, rows)
    values = [getattr(row, field.attname) for row in rows]
    first = values[0]
    if all(value is first for value in values):
        return [field.get_db_prep_save(first, connection)] * len(values)
    return [field.get_db_prep_save(value, connection) for value in values]


def _fill_in_default(field: Any, rows: Sequence[models.Model]) -> None:
    """Set the field to its database default in all rows that have no value for it."""
    default = field.db_default
    value = default.value if isinstance(default, models.Value) else default
    for row in rows:
        if isinstance(getattr(row, field.attname), DatabaseDefault):
            setattr(row, field.attname, value)
