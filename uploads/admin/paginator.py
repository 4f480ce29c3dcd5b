"""Pages of a list whose rows nobody counts to the end."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts up to LIMIT and says "more than" beyond it.

    A COUNT over a million rows reads a million rows, on every click. Nobody
    leafs through more than LIMIT: they filter, or pick a day.
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
    def count_in_words(self) -> str:
        return f"more than {self.LIMIT:,}" if self.is_capped else f"{self.count:,}"

    @cached_property
    def _counted(self) -> int:
        rows = self.object_list
        if not isinstance(rows, QuerySet):
            return len(rows)
        return rows.order_by().values("pk")[: self.LIMIT + 1].count()
