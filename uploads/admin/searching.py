"""The admin's list of uploads. Filters with a database index are applied first."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connections
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from uploads.admin.filters import UnindexedFilter
from uploads.admin.listing import BoundedChangeList, first_ids

WINDOW = 100_000
"""Maximum number of rows that the database reads without an index, newest first."""

MAX_MATCHES = 1_000
"""Maximum number of results of one search, newest first."""


class UploadChangeList(BoundedChangeList):
    """Applies filters with an index first, then reads at most WINDOW of the found rows.

    The columns state, owner and date have an index. The columns type, transport, size
    and name have no index, so filters on them apply only to the newest WINDOW rows. If
    older rows are left out, ``is_cut`` is true, and the page says so.
    """

    is_cut = False

    @property
    def window(self) -> str:
        return f"{WINDOW:,}"

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: Any = None
    ) -> QuerySet[Any]:
        uploads = super().get_queryset(request, exclude_parameters)
        scans = [
            spec.condition()
            for spec in self.filter_specs
            if isinstance(spec, UnindexedFilter) and spec.value() is not None
        ]
        if scans:
            uploads = self._newest(uploads).filter(*scans)
        term = self.query.strip()
        return self._search(uploads, term) if term else uploads

    def _newest(self, uploads: Any) -> Any:
        """Return the newest WINDOW rows of ``uploads``.

        A condition on the date selects them, because Django cannot filter a slice.
        """
        dates = uploads.order_by("-created_at", "-id").values_list(
            "created_at", flat=True
        )
        last_and_next = list(dates[WINDOW - 1 : WINDOW + 1])
        if len(last_and_next) < 2:
            return uploads
        self.is_cut = True
        return uploads.filter(created_at__gte=last_and_next[0])

    def _search(self, uploads: QuerySet[Any], term: str) -> QuerySet[Any]:
        if (upload_id := _uuid(term)) is not None:
            return uploads.filter(pk=upload_id)
        if "/" in term:
            return uploads.filter(pk__in=_with_key_prefix(uploads, term))
        # Search names and owners in two queries. For a single query with both
        # conditions, the database may read the whole table.
        named = self._newest(uploads).named(term)
        found = first_ids(named, MAX_MATCHES)
        owner = _owner(term)
        if owner is not None:
            found += first_ids(uploads.filter(owner=owner), MAX_MATCHES)
        return uploads.filter(pk__in=found)


def _uuid(term: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(term)
    except ValueError:
        return None


def _owner(term: str) -> Any:
    users = get_user_model()
    return users.objects.filter(**{f"{users.USERNAME_FIELD}__iexact": term}).first()


def _with_key_prefix(uploads: QuerySet[Any], prefix: str) -> list[Any]:
    """Return the ids of the uploads whose key starts with ``prefix``."""
    condition = Q(key__startswith=prefix)
    if connections[uploads.db].vendor == "sqlite":
        # SQLite uses the index for comparisons and not for LIKE, so add comparisons.
        # PostgreSQL uses the index for LIKE. In PostgreSQL, comparisons depend on the
        # collation and could exclude matching rows.
        condition &= Q(key__gte=prefix, key__lt=prefix + chr(0x10FFFF))
    return first_ids(uploads.filter(condition).order_by(), MAX_MATCHES)
