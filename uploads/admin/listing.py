"""Base classes for all lists of the admin. Lists of large tables stay fast."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters, ShowFacets
from django.contrib.admin.views.main import ChangeList
from django.db import DataError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dates import MONTHS

from uploads.admin.export import Exportable
from uploads.admin.paginator import CappedPaginator

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
else:
    ModelAdmin = admin.ModelAdmin
    TabularInline = admin.TabularInline

DAYS_IN_MONTH = 31

SECRET_FIELDS = frozenset({"data", "digest", "idempotency_key", "password"})
"""Fields with secrets, in the tables of second factors, tokens and accounts."""

COSTLY_LOOKUPS = frozenset({"regex", "iregex", "range"})
"""Lookups that no list needs. A regular expression may keep the database busy."""

MAX_SEARCH = 255
"""Maximum length of a search term in characters. A longer term is cut."""


UNREADABLE = (
    "No rows are shown, because the URL of this page contains an unknown filter or an "
    "invalid value. Clear the filters, then choose again."
)


class StrictChangeList(ChangeList):
    """A list that shows no rows if a filter in the URL cannot be applied.

    Django would show all rows. It ignores a filter that has no choices. For an invalid
    value, it redirects to the list without filters. An operator could then mistake all
    rows for the rows of one account.
    """

    is_unreadable = False
    """True if the URL contains a filter that cannot be applied."""

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: Any = None
    ) -> QuerySet[Any]:
        try:
            return super().get_queryset(request, exclude_parameters)
        except IncorrectLookupParameters:
            return self._nothing(request)

    def _nothing(self, request: HttpRequest) -> QuerySet[Any]:
        self.is_unreadable = True
        self.filter_specs = []
        self.has_filters = self.has_active_filters = False
        self.clear_all_filters_qs = "?"
        messages.error(request, UNREADABLE)
        return self.root_queryset.none()

    def get_filters(self, request: HttpRequest) -> Any:
        try:
            found = super().get_filters(request)
        except (ValueError, OverflowError) as error:  # for a date after the year 9999
            raise IncorrectLookupParameters from error
        specs, remaining = found[0], found[2]
        known = {name for spec in specs for name in spec.expected_parameters()}
        known |= {f"{self.date_hierarchy}__{unit}" for unit in ("year", "month", "day")}
        if self.get_filters_params().keys() - known - remaining.keys():
            raise IncorrectLookupParameters
        return found

    def get_results(self, request: HttpRequest) -> None:
        """Read the requested page of rows, or page 1 if there is no such page."""
        try:
            super().get_results(request)
        except IncorrectLookupParameters:
            self.page_num = 1
            super().get_results(request)
        except (ValueError, OverflowError, DataError):
            # For some invalid values, Django raises no error, but the database does.
            self.queryset = self._nothing(request)
            super().get_results(request)


class BoundedChangeList(StrictChangeList):
    """A list with links to years, months and days (Django's date hierarchy)."""

    def drill_down(self) -> dict[str, Any] | None:
        """Return the links for the page's bar of dates, or None without any date.

        For example, if a month is chosen, return one link to its year, and one link for
        each of its days. Django's own version reads every row to find the dates that
        occur. This version reads only the oldest and the newest date, from an index.
        """
        name = None if self.is_unreadable else self.date_hierarchy
        span = self._span(name) if name else None
        if span is None:
            return None
        year, month, day = (self._chosen(unit) for unit in ("year", "month", "day"))
        if year is None:
            return {"back": None, "choices": self._years(*span)}
        if month is None:
            return {
                "back": self._link("All dates"),
                "choices": self._months(year, *span),
            }
        back = self._link(str(year), year=year)
        if day is None:
            return {"back": back, "choices": self._days(year, month, *span)}
        title = f"{MONTHS[month]} {year}"
        chosen_day = {"title": f"{MONTHS[month]} {day}", "link": None}
        return {
            "back": self._link(title, year=year, month=month),
            "choices": [chosen_day],
        }

    def _span(self, name: str) -> tuple[datetime, datetime] | None:
        dates = self.root_queryset.values_list(name, flat=True)
        oldest = dates.order_by(name).first()
        newest = dates.order_by(f"-{name}").first()
        if oldest is None or newest is None:
            return None
        return timezone.localtime(oldest), timezone.localtime(newest)

    def _years(self, oldest: datetime, newest: datetime) -> list[dict[str, Any]]:
        years = range(oldest.year, newest.year + 1)
        return [self._link(str(year), year=year) for year in years]

    def _months(
        self, year: int, oldest: datetime, newest: datetime
    ) -> list[dict[str, Any]]:
        first, last = (oldest.year, oldest.month), (newest.year, newest.month)
        return [
            self._link(str(MONTHS[month]), year=year, month=month)
            for month in range(1, 13)
            if first <= (year, month) <= last
        ]

    def _days(
        self, year: int, month: int, oldest: datetime, newest: datetime
    ) -> list[dict[str, Any]]:
        first = (oldest.year, oldest.month, oldest.day)
        last = (newest.year, newest.month, newest.day)
        return [
            self._link(f"{MONTHS[month]} {day}", year=year, month=month, day=day)
            for day in range(1, DAYS_IN_MONTH + 1)
            if first <= (year, month, day) <= last and _exists(year, month, day)
        ]

    def _chosen(self, unit: str) -> int | None:
        value = self.params.get(f"{self.date_hierarchy}__{unit}")
        return int(value) if value is not None else None

    def _link(self, title: str, **units: int) -> dict[str, Any]:
        prefix = f"{self.date_hierarchy}__"
        chosen = {f"{prefix}{unit}": value for unit, value in units.items()}
        return {"title": title, "link": self.get_query_string(chosen, [prefix])}


class Recorded(Exportable):
    """A ModelAdmin that writes every change to the audit trail.

    A search uses only the first MAX_WORDS words. Django adds a condition for each word,
    and SQLite refuses a query with 1,000 conditions.
    """

    MAX_WORDS = 10

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return StrictChangeList

    def lookup_allowed(
        self, lookup: str, value: Any, request: HttpRequest | None = None
    ) -> bool:
        """Return False for filters on secrets, and for COSTLY_LOOKUPS.

        With filters such as ``digest__startswith``, an operator could find out a secret
        character by character.
        """
        first, *others = lookup.split("__")
        if not (SECRET_FIELDS | COSTLY_LOOKUPS).isdisjoint([first, *others]):
            return False
        if first == "pk":
            # Replace "pk" by the name of the field. Otherwise, Django's check does not
            # see that the primary key may be a relation to another table.
            first = self.opts.pk.name
        return super().lookup_allowed("__".join([first, *others]), value, request)  # type: ignore[arg-type]

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> Any:
        words = " ".join(search_term[:MAX_SEARCH].split()[: self.MAX_WORDS])
        return super().get_search_results(request, queryset, words)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Log the deletion of each row separately.

        The audit trail listens to signals, and a bulk insert sends no signals.
        """
        entries: list[Any] = []
        for row in queryset:
            one: Any = [row]
            entries.extend(super().log_deletions(request, one))
        return entries


class ListAdmin(Recorded):
    """A ModelAdmin whose lists never count or read a whole table."""

    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_per_page = 100
    list_max_show_all = 200

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return BoundedChangeList


def with_permission(request: HttpRequest, permission: str) -> bool:
    """Return whether the user has this app's ``permission``, e.g. ``change_upload``."""
    return bool(request.user.has_perm(f"uploads.{permission}"))


def first_ids(rows: QuerySet[Any], limit: int) -> list[Any]:
    """Return the primary keys of the first ``limit`` rows, in the order of ``rows``."""
    return list(rows.values_list("pk", flat=True)[:limit])


def _exists(year: int, month: int, day: int) -> bool:
    try:
        datetime(year, month, day, tzinfo=timezone.get_current_timezone())
    except ValueError:
        return False
    return True
