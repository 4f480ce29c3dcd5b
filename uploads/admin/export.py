"""Export the lists of the admin as CSV files that spreadsheets can open safely."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import ForeignKey, Model, QuerySet
from django.http import (
    HttpRequest,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from uploads.text.spreadsheets import chunks
from uploads.trail.writing import record

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

ROWS_A_CHUNK = 500


class Exportable(ModelAdmin):
    """A ModelAdmin with an export. Every account that may view the list may export it.

    ``export_fields`` lists the columns. Each column must be a field of the model, and
    must not contain a secret. The export uses the filters, the search and the order of
    the list.
    """

    export_fields: Sequence[str] = ()

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_safe(self.export))
        own = [path("export/", view, name=self.export_url_name.partition(":")[2])]
        return [*own, *super().get_urls()]

    @property
    def export_url_name(self) -> str:
        """Return the name of the URL that exports this list."""
        options = self.model._meta  # noqa: SLF001  Django's API
        return f"admin:{options.app_label}_{options.model_name}_export"

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """Stream the rows of the list as CSV."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        changes = self.get_changelist_instance(request)
        if getattr(changes, "is_unreadable", False):
            # Redirect to the list, which shows the reason.
            back = reverse(self.export_url_name.replace("_export", "_changelist"))
            return HttpResponseRedirect(f"{back}?{request.GET.urlencode()}")
        name = str(self.model._meta.model_name)  # noqa: SLF001  Django's API
        filters = sorted(set(request.GET))
        record(
            "admin.exported",
            actor=request.user,
            detail={"list": name, "filters": filters},
        )
        response = StreamingHttpResponse(
            _lines(changes.queryset, self.export_fields),
            content_type="text/csv; charset=utf-8",
        )
        # If the list has left out older rows, the file name contains "newest".
        cut = "-newest" if getattr(changes, "is_cut", False) else ""
        filename = f"{name}-{timezone.localdate()}{cut}.csv"
        response["Content-Disposition"] = f'attachment; filename="{filename}"'
        return response


def _lines(rows: QuerySet[Any], fields: Sequence[str]) -> Iterator[str]:
    related = [name for name in fields if _is_relation(rows.model, name)]
    rows = rows.select_related(*related) if related else rows
    yield from chunks(fields, rows.iterator(chunk_size=ROWS_A_CHUNK))


def _is_relation(model: type[Model], name: str) -> bool:
    fields = {field.name: field for field in model._meta.concrete_fields}  # noqa: SLF001
    return isinstance(fields.get(name), ForeignKey)
