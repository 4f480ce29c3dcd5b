"""Admin pages for upload policies, which are upload rules for one user or one group."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth import get_user_model

from uploads.admin.byte_sizes import ByteSizeField
from uploads.admin.listing import ListAdmin
from uploads.models import UploadPolicy
from uploads.text.sizes import format_bytes

# A content type as in RFC 6838, in lower case. The wildcards image/* and */* are valid.
CONTENT_TYPE = re.compile(
    r"\*/\*|[a-z0-9][a-z0-9!#$&^_.+-]*/(\*|[a-z0-9][a-z0-9!#$&^_.+-]*)"
)


class ContentTypesField(forms.CharField):
    """A form field for content types, one per line.

    The value of an empty field is None, which means the site's default.
    """

    widget = forms.Textarea
    default_error_messages = {
        "invalid": "%(written)s is not a content type. "
        "Write one per line, such as image/* or application/pdf.",
        "too_long": "%(written)s is too long. "
        "A content type has at most 127 characters.",
    }

    def to_python(self, value: Any) -> Any:
        written = [part.lower() for part in re.split(r"[\s,]+", value or "") if part]
        for content_type in written:
            code = (
                "too_long"
                if len(content_type) > 127
                else "invalid"
                if not CONTENT_TYPE.fullmatch(content_type)
                else ""
            )
            if code:
                raise forms.ValidationError(
                    self.error_messages[code],
                    code=code,
                    params={"written": content_type},
                )
        return list(dict.fromkeys(written)) or None

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial) or "", data)


class PolicyForm(forms.ModelForm):  # type: ignore[type-arg]
    max_file_size = ByteSizeField(
        required=False,
        label="Largest file",
        help_text="For example 5 GB. Leave it empty to use the site's default.",
    )
    allowed_content_types = ContentTypesField(
        required=False,
        help_text="One per line, such as image/* or application/pdf. "
        "Leave it empty to use the site's default.",
    )

    class Meta:
        model = UploadPolicy
        fields = ("user", "group", "max_file_size", "allowed_content_types")

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        if {"user", "group"} <= cleaned.keys() and (
            (cleaned["user"] is None) == (cleaned["group"] is None)
        ):
            self.add_error("user", "Choose either a user or a group.")
        return cleaned


@admin.register(UploadPolicy)
class PolicyAdmin(ListAdmin):
    form = PolicyForm
    list_display = ("__str__", "largest_file", "content_types")
    export_fields = ("user", "group", "max_file_size", "allowed_content_types")
    list_select_related = ("user", "group")
    ordering = ("pk",)
    sortable_by = ()
    search_fields = (f"user__{get_user_model().USERNAME_FIELD}", "group__name")
    search_help_text = "Part of a username or of a group's name."
    autocomplete_fields = ("user", "group")

    @admin.display(description="Largest file")
    def largest_file(self, policy: UploadPolicy) -> str:
        if policy.max_file_size is None:
            return "the site's default"
        return format_bytes(policy.max_file_size)

    @admin.display(description="Allowed content types")
    def content_types(self, policy: UploadPolicy) -> str:
        if policy.allowed_content_types is None:
            return "the site's default"
        return ", ".join(policy.allowed_content_types)
