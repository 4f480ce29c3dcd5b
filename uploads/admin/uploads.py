"""Admin pages for uploads. All fields are read-only. Actions call the lifecycle."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from uploads import lifecycle
from uploads.admin import operations
from uploads.admin.events import EventInline
from uploads.admin.filters import (
    InspectionFilter,
    SizeFilter,
    TransportFilter,
    TypeFilter,
)
from uploads.admin.listing import ListAdmin, with_permission
from uploads.admin.presenting import age, link, size
from uploads.admin.searching import UploadChangeList
from uploads.admin.upload_facts import FACTS
from uploads.errors import UploadError
from uploads.models import Upload
from uploads.states import State, Transport
from uploads.text.sizes import format_bytes
from uploads.trail.writing import record


@admin.register(Upload)
class UploadAdmin(ListAdmin):
    export_fields = (
        *("id", "owner", "state", "transport", "filename", "relative_path"),
        *("byte_size", "content_type", "detected_type"),
        *("checksum_sha256", "checksum_crc64nvme", "key"),
        *("created_at", "expires_at", "completed_at", "purged_at"),
        *("rejected_cause", "rejected_reason", "waiting_reason"),
    )
    list_display = (
        "filename",
        "owner_link",
        "state_label",
        "size",
        "content_type",
        "age",
    )
    list_filter = ("state", InspectionFilter, TypeFilter, TransportFilter, SizeFilter)
    list_select_related = ("owner",)
    ordering = ("-created_at", "-pk")
    date_hierarchy = "created_at"
    sortable_by = ("age",)
    search_fields = ("filename",)
    search_help_text = (
        "Part of a file name, a complete username, an id, "
        "or the beginning of a key, with at least one slash."
    )
    fieldsets = FACTS
    readonly_fields = tuple(name for _, part in FACTS for name in part["fields"])
    inlines = (EventInline,)
    actions = ("verify_again", "release", "remove", "purge_again")

    class Media:
        css = {"all": ["css/admin-uploads.css"]}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return UploadChangeList

    def get_list_display(self, request: HttpRequest) -> Any:
        extra = ("download",) if self.has_operate_permission(request) else ()
        return (*self.list_display, *extra)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return ``queryset``. UploadChangeList searches after all filters."""
        return queryset, False

    # No form may change a row, because the row must agree with the bucket.

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return any(
            with_permission(request, f"{verb}_upload")
            for verb in ("view", "change", "delete")
        )

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return with_permission(request, "change_upload")

    def has_remove_permission(self, request: HttpRequest) -> bool:
        return with_permission(request, "delete_upload")

    @admin.display(description="Owner")
    def owner_link(self, upload: Upload) -> SafeString:
        query = f"?owner__id__exact={upload.owner_id}"
        return link("uploads_upload_changelist", upload.owner, query=query)

    @admin.display(description="State")
    def state_label(self, upload: Upload) -> SafeString:
        waits = upload.state == State.INSPECTING and upload.waiting_reason
        return format_html(
            '<span class="state state-{}" title="{}">{}{}</span>',
            upload.state,
            upload.waiting_reason if waits else "",
            upload.get_state_display(),
            ", waiting" if waits else "",
        )

    @admin.display(description="Size")
    def size(self, upload: Upload) -> SafeString:
        return size(upload.byte_size)

    @admin.display(description="Size")
    def exact_size(self, upload: Upload) -> str:
        words = format_bytes(upload.byte_size)
        exact = f" ({upload.byte_size:,} bytes)" if "byte" not in words else ""
        return words + exact

    @admin.display(description="Released as")
    def released_as_link(self, upload: Upload) -> str:
        return _upload_link(upload.released_as)

    @admin.display(description="Released from")
    def released_from_link(self, upload: Upload) -> str:
        return _upload_link(upload.released_from)

    # The page of one row ignores ``empty_value`` and shows None as "None". So these
    # methods return the text for a missing value.

    @admin.display(description="Note")
    def note_text(self, upload: Upload) -> str:
        return lifecycle.note_on(upload) or self.get_empty_value_display()

    @admin.display(description="Parts")
    def parts(self, upload: Upload) -> str:
        if upload.transport != Transport.MULTIPART:
            return self.get_empty_value_display()
        return f"{upload.part_count} of at most {format_bytes(upload.part_size)}"

    @admin.display(description="Age", ordering="created_at")
    def age(self, upload: Upload) -> SafeString:
        return age(upload.created_at)

    @admin.display(description="Download", empty_value="")
    def download(self, upload: Upload) -> SafeString | None:
        """Return a link to a page of the admin that redirects to a presigned URL."""
        if upload.state != State.READY:
            return None
        return link("uploads_upload_download", "Download", upload.pk)

    @admin.action(description="Verify again", permissions=["operate"])
    def verify_again(
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> HttpResponse | None:
        operations.verify_again(request, operations.selected_uploads(request, queryset))
        return _back(request)

    @admin.action(description="Release from quarantine", permissions=["operate"])
    def release(
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> HttpResponse | None:
        operations.release(request, operations.selected_uploads(request, queryset))
        return _back(request)

    @admin.action(description="Purge ended uploads again", permissions=["remove"])
    def purge_again(
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> HttpResponse | None:
        operations.purge_again(request, operations.selected_uploads(request, queryset))
        return _back(request)

    @admin.action(description="Delete the files", permissions=["remove"])
    def remove(
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> HttpResponse | None:
        uploads = operations.selected_uploads(request, queryset)
        if "confirmed" in request.POST or not uploads:
            operations.remove(request, uploads)
            return _back(request)
        context = {
            **self.admin_site.each_context(request),
            "title": "Delete files",
            "opts": self.opts,
            "media": self.media,
            "uploads": uploads,
            "total": format_bytes(sum(upload.byte_size for upload in uploads)),
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
            "from_page": request.POST.get("from_page", ""),
        }
        return TemplateResponse(
            request, "admin/uploads/upload/remove_confirmation.html", context
        )

    def get_urls(self) -> list[URLPattern]:
        download = path(
            "<uuid:upload_id>/download/",
            self.admin_site.admin_view(self.redirect_to_object),
            name="uploads_upload_download",
        )
        return [download, *super().get_urls()]

    def redirect_to_object(self, request: HttpRequest, upload_id: Any) -> HttpResponse:
        """Redirect the operator to a presigned URL, and write an audit event."""
        if not self.has_operate_permission(request):
            raise PermissionDenied
        upload = self.get_object(request, str(upload_id))
        if upload is None:
            raise Http404
        try:
            signed = lifecycle.presign_download(upload)
        except UploadError as error:
            messages.error(request, error.detail)
            return HttpResponseRedirect(
                reverse("admin:uploads_upload_change", args=[upload.pk])
            )
        record(
            "upload.downloaded",
            upload=upload,
            actor=request.user,
            detail={"from": "admin"},
        )
        return HttpResponseRedirect(signed.url)

    def _may_release(self, request: HttpRequest, object_id: str) -> bool:
        """Return whether the page offers the release from quarantine.

        An operator can start a pending release again, because the server may have
        stopped before it copied the object.
        """
        upload = self.get_object(request, object_id)
        if upload is None or not self.has_operate_permission(request):
            return False
        release = upload.released_as
        is_open = release is None or release.state == State.PENDING
        return is_open and lifecycle.may_be_released(upload)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        may = {
            "may_operate": self.has_operate_permission(request),
            "may_remove": self.has_remove_permission(request),
            "may_release": self._may_release(request, object_id),
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return super().change_view(
            request, object_id, form_url, {**(extra_context or {}), **may}
        )


def _upload_link(upload: Upload | None) -> str:
    if upload is None:
        return "-"
    return link("uploads_upload_change", f"{upload} ({upload.state})", upload.pk)


def _back(request: HttpRequest) -> HttpResponse | None:
    """Return a redirect to the upload's page if the action came from that page.

    Otherwise, return None, so that Django shows the list.
    """
    if request.POST.get("from_page") != "change":
        return None
    upload_id = request.POST.getlist(ACTION_CHECKBOX_NAME)[0]
    return HttpResponseRedirect(
        reverse("admin:uploads_upload_change", args=[upload_id])
    )
