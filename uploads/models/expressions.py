"""Contains a database expression for updates of many rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Expression

from uploads.models.upload import Upload


class ByPrimaryKey(Expression):
    """Gives each row its own value in a text column, in one UPDATE of uploads.

    ``values`` maps primary keys to the new values. Django's Case and When have the same
    effect, but Django needs 0.5 ms to prepare each When.
    """

    def __init__(self, name: str, values: Mapping[Any, str]) -> None:
        field: Any = Upload._meta.get_field(name)  # noqa: SLF001  Django's API
        super().__init__(output_field=field)
        self._values = values

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """Return the SQL expression CASE, with one branch for each row."""
        key: Any = Upload._meta.pk  # noqa: SLF001
        params: list[Any] = []
        for pk, value in self._values.items():
            params.append(key.get_db_prep_value(pk, connection))
            params.append(self.output_field.get_db_prep_save(value, connection))
        column = connection.ops.quote_name(key.column)
        branches = " WHEN %s THEN %s" * len(self._values)
        return f"CASE {column}{branches} END", params
