"""Expressions for statements about many rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Expression

from uploads.models.upload import Upload


class ByPrimaryKey(Expression):
    """The new value of a text column for each upload of an UPDATE, by primary key.

    Django's Case and When do the same, but each When takes 0.5 ms.
    """

    def __init__(self, name: str, values: Mapping[Any, str]) -> None:
        field: Any = Upload._meta.get_field(name)  # noqa: SLF001  Django's API
        super().__init__(output_field=field)
        self._values = values

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """Return CASE with a branch for each row."""
        key: Any = Upload._meta.pk  # noqa: SLF001
        params: list[Any] = []
        for pk, value in self._values.items():
            params.append(key.get_db_prep_value(pk, connection))
            params.append(self.output_field.get_db_prep_save(value, connection))
        column = connection.ops.quote_name(key.column)
        branches = " WHEN %s THEN %s" * len(self._values)
        return f"CASE {column}{branches} END", params
