"""Admin pages for quotas. Operators can edit the limits. The counters are read-only."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils.safestring import SafeString

from uploads.admin.byte_sizes import ByteSizeField
from uploads.admin.listing import ListAdmin
from uploads.admin.presenting import bar, link, size
from uploads.conf import options
from uploads.models import StorageQuota
from uploads.text.sizes import format_bytes
from uploads.trail.writing import record


class QuotaForm(forms.ModelForm):  # type: ignore[type-arg]
    limit_bytes = ByteSizeField(
        required=False,
        label="Limit",
        help_text="For example 20 GB. Leave it empty to use the site's default.",
    )

    class Meta:
        model = StorageQuota
        fields = ("user", "limit_bytes", "max_files", "max_open")


@admin.register(StorageQuota)
class QuotaAdmin(ListAdmin):
    form = QuotaForm
    list_display = ("user", "usage", "used", "reserved", "limit", "files")
    export_fields = (
        *("user", "limit_bytes", "max_files", "max_open", "used_bytes"),
        *("reserved_bytes", "file_count", "reserved_files"),
    )
    list_select_related = ("user",)
    ordering = ("-used_bytes", "-pk")
    sortable_by = ("used", "reserved", "files")
    search_fields = (f"user__{get_user_model().USERNAME_FIELD}",)
    search_help_text = "Part of a username."
    autocomplete_fields = ("user",)
    readonly_fields = ("usage", "used", "reserved", "files", "uploads")

    class Media:
        css = {"all": ["css/admin-uploads.css"]}

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        chosen = ("user", "limit_bytes", "max_files", "max_open")
        return chosen if obj is None else (*chosen, *self.readonly_fields)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else ("user", *self.readonly_fields)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False, because deleting a row would reset the user's counters to 0."""
        return False

    def save_model(
        self, request: HttpRequest, obj: StorageQuota, form: Any, change: bool
    ) -> None:
        """Write only the limits, because concurrent uploads may change the counters."""
        if not change:
            # A concurrent upload of this user may create the row first.
            StorageQuota.objects.bulk_create(
                [StorageQuota(user=obj.user)], ignore_conflicts=True
            )
        row = StorageQuota.objects.filter(pk=obj.pk)
        limits = {
            name: getattr(obj, name)
            for name in ("limit_bytes", "max_files", "max_open")
        }
        with transaction.atomic():
            before = row.values(*limits).get()
            row.update(**limits)
            changed = {
                name: {"from": before[name], "to": limit}
                for name, limit in limits.items()
                if before[name] != limit
            }
            if changed:
                record(
                    "quota.changed",
                    user=obj.user_id,
                    actor=request.user,
                    detail=changed,
                )

    @admin.display(description="Usage")
    def usage(self, quota: StorageQuota) -> SafeString:
        return bar(quota.used_bytes, quota.reserved_bytes, _limit(quota))

    @admin.display(description="Used", ordering="used_bytes")
    def used(self, quota: StorageQuota) -> SafeString:
        return size(quota.used_bytes)

    @admin.display(description="Reserved", ordering="reserved_bytes")
    def reserved(self, quota: StorageQuota) -> SafeString:
        return size(quota.reserved_bytes)

    @admin.display(description="Limit", ordering="limit_bytes")
    def limit(self, quota: StorageQuota) -> str:
        default = " (default)" if quota.limit_bytes is None else ""
        return format_bytes(_limit(quota)) + default

    @admin.display(description="Files", ordering=F("file_count"))
    def files(self, quota: StorageQuota) -> str:
        most = (
            options().default_max_files if quota.max_files is None else quota.max_files
        )
        return f"{quota.file_count + quota.reserved_files:,} of {most:,}"

    @admin.display(description="Uploads")
    def uploads(self, quota: StorageQuota) -> SafeString:
        query = f"?owner__id__exact={quota.user_id}"
        return link("uploads_upload_changelist", "Uploads of this user", query=query)


def _limit(quota: StorageQuota) -> int:
    if quota.limit_bytes is None:
        return options().default_quota_bytes
    return quota.limit_bytes
