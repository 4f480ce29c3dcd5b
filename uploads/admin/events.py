"""Admin pages for the audit trail. Operators can search it, but cannot change it."""

from __future__ import annotations

import json
import uuid
from contextlib import suppress
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.safestring import SafeString

from uploads.admin.filters import AccountFilter, ActorFilter, KindFilter
from uploads.admin.listing import BoundedChangeList, ListAdmin, TabularInline
from uploads.admin.presenting import link
from uploads.admin.searching import MAX_MATCHES
from uploads.models import AuditEvent

MAX_INLINE = 50


class _AppendOnly:
    """Forbids every account, even superusers, to add, change or delete an event."""

    def has_add_permission(self, *_: Any, **__: Any) -> bool:
        return False

    def has_change_permission(self, *_: Any, **__: Any) -> bool:
        return False

    def has_delete_permission(self, *_: Any, **__: Any) -> bool:
        return False

    @admin.display(description="Detail")
    def facts(self, event: AuditEvent) -> str:
        return (
            json.dumps(event.detail, ensure_ascii=False, sort_keys=True)
            if event.detail
            else ""
        )


class EventChangeList(BoundedChangeList):
    """The list of events.

    In KindFilter, an operator can choose a noun. For example, ``upload`` stands for all
    kinds that begin with ``upload.``. This list applies the chosen noun after all other
    filters.
    """

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: Any = None
    ) -> QuerySet[Any]:
        events = super().get_queryset(request, exclude_parameters)
        for spec in self.filter_specs:
            if isinstance(spec, KindFilter) and spec.kinds():
                by_kind = [{"kind": kind} for kind in spec.kinds()]
                events = newest_matching(events, by_kind)
        return events


@admin.register(AuditEvent)
class EventAdmin(_AppendOnly, ListAdmin):
    export_fields = (
        *("id", "at", "kind", "actor", "user", "upload_id", "request_id"),
        *("address", "detail"),
    )
    list_display = (
        "at",
        "kind",
        "actor_link",
        "account_link",
        "upload_link",
        "address",
        "request_id",
    )
    list_display_links = ("at",)
    list_filter = (AccountFilter, ActorFilter, KindFilter)
    list_select_related = ("actor", "user", "upload")
    date_hierarchy = "at"
    sortable_by = ("at",)
    search_fields = ("request_id",)
    search_help_text = (
        "A complete username, the id of an upload, or the complete id of a request."
    )
    fields = (
        "at",
        "kind",
        "actor_link",
        "account_link",
        "upload_link",
        "address",
        "request_id",
        "facts",
    )
    readonly_fields = fields

    @admin.display(description="Upload")
    def upload_link(self, event: AuditEvent) -> str:
        if event.upload is None:
            return ""
        return link("uploads_upload_change", event.upload, event.upload_id)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return EventChangeList

    # The page of one event ignores ``empty_value`` of a method and shows None as "None".

    @admin.display(description="By")
    def actor_link(self, event: AuditEvent) -> str:
        return _filtered("actor", event.actor) or "the site"

    @admin.display(description="Account")
    def account_link(self, event: AuditEvent) -> str:
        return _filtered("account", event.user) or ""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return the events of the upload, account or request that the term names.

        The term is a username or an id. 32 hex digits can be the id of an upload or the
        id of a request.
        """
        term = search_term.strip()
        if not term:
            return queryset, False
        return self._search(queryset, term), False

    def _search(self, events: QuerySet[Any], term: str) -> QuerySet[Any]:
        with suppress(ValueError):
            of_upload = events.filter(upload_id=uuid.UUID(term))
            if of_upload.exists():
                return of_upload
        users = get_user_model()
        account = users.objects.filter(**{users.USERNAME_FIELD: term}).first()
        if account is not None:
            return newest_matching(events, [{"user": account}, {"actor": account}])
        return events.filter(request_id=term)


def newest_matching(
    events: QuerySet[Any], conditions: list[dict[str, Any]]
) -> QuerySet[Any]:
    """Return the newest MAX_MATCHES events that match at least one of ``conditions``.

    Each condition is a separate query, which uses an index. For a single query with OR,
    the database would sort all matches, possibly the whole table.
    """
    found: set[tuple[Any, int]] = set()
    for condition in conditions:
        rows = events.filter(**condition).order_by("-at", "-id")
        found.update(rows.values_list("at", "id")[:MAX_MATCHES])
    ids = [pk for _, pk in sorted(found, reverse=True)[:MAX_MATCHES]]
    return events.filter(pk__in=ids)


def _filtered(name: str, account: Any) -> SafeString | None:
    """Return a link to the list of events with the filter ``name`` = ``account``."""
    if account is None:
        return None
    query = f"?{name}={account.pk}"
    return link("uploads_auditevent_changelist", account.get_username(), query=query)


class NewestEvents(BaseInlineFormSet):  # type: ignore[type-arg]
    """Shows only the newest MAX_INLINE events.

    An upload that is often downloaded has thousands of events.
    """

    @cached_property
    def newest(self) -> Any:
        # Cache the rows, because each slice of a queryset starts a new query.
        return super().get_queryset()[:MAX_INLINE]

    def get_queryset(self) -> Any:
        return self.newest


class EventInline(_AppendOnly, TabularInline):
    model = AuditEvent
    formset = NewestEvents
    extra = 0
    verbose_name_plural = (
        f"The newest {MAX_INLINE} events, without events for presigned URLs"
    )
    fields = ("at", "kind", "actor", "address", "request_id", "facts")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        events = super().get_queryset(request).select_related("actor")
        return events.exclude(kind="upload.presigned")
