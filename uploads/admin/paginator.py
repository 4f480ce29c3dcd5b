"""A paginator that never counts a whole table."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts at most LIMIT rows. For a longer list, the page shows "more than 10,000".

    To count a million rows, the database would read a million rows on every click.
    The list ends after LIMIT rows. To see further rows, operators filter the list or
    choose a date.
    """

    LIMIT = 10_000

    @cached_property
    def count(self) -> int:
        """Return the number of rows, at most LIMIT."""
        return min(self._counted, self.LIMIT)

    @property
    def is_capped(self) -> bool:
        return self._counted > self.LIMIT

    @property
    def count_label(self) -> str:
        return f"more than {self.LIMIT:,}" if self.is_capped else f"{self.count:,}"

    @cached_property
    def _counted(self) -> int:
        rows = self.object_list
        if not isinstance(rows, QuerySet):
            return len(rows)
        return rows.order_by().values("pk")[: self.LIMIT + 1].count()
