"""Defines forms for file names, plain uploads and API tokens."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms

from uploads.errors import InvalidRequest
from uploads.lifecycle import MAX_FORM_BYTES
from uploads.lifecycle.policy import Policy
from uploads.lifecycle.quota import Usage
from uploads.models import Scope
from uploads.text.filenames import chosen_filename, clean_filename
from uploads.text.sizes import format_bytes

ROOMS = (100 * 1000**2, 1000**3, MAX_FORM_BYTES)
"""Sizes in bytes that the form without JavaScript offers to reserve."""

REST = "rest"


def new_idempotency_key() -> str:
    """Return a random key. If a form is sent twice, both requests have the same key."""
    return uuid.uuid4().hex


def idempotency_key_field() -> forms.CharField:
    """Return a hidden field that makes sending the form idempotent.

    ``autocomplete="off"`` stops browsers from restoring the old key after a reload.
    """
    return forms.CharField(
        max_length=64,
        required=False,
        initial=new_idempotency_key,
        widget=forms.HiddenInput(attrs={"autocomplete": "off"}),
    )


class SiteForm:
    """A mixin that sets this site's CSS class on the fields of a form."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        fields: dict[str, forms.Field] = self.fields  # type: ignore[attr-defined]
        for field in fields.values():
            if not isinstance(field.widget, forms.CheckboxInput):
                field.widget.attrs["class"] = "input"


class PlainUploadForm(SiteForm, forms.Form):
    """The form that starts an upload without JavaScript.

    The form asks for the size to reserve and for a name. The cleaned value of ``room``
    is a number of bytes. The form does not offer sizes that the policy forbids. If a
    client sends a forbidden size, the form accepts the size. Then the start of the
    upload fails with a better message.
    """

    room = forms.ChoiceField(
        label="The file is at most",
        choices=[*((str(size), format_bytes(size)) for size in ROOMS), (REST, REST)],
        help_text="This much of your space is reserved until the file arrives. After "
        "that, only the size of the file counts.",
    )
    filename = forms.CharField(
        label="Name (optional)",
        required=False,
        max_length=1024,
        help_text="Include the extension, such as .pdf. If you leave this field "
        "empty, the file keeps its own name. With some storages the site cannot learn "
        "this name. Then the file gets a name with the date, such as "
        "upload-2026-11-29.pdf.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    idempotency_key = idempotency_key_field()

    def __init__(self, *args: Any, usage: Usage, policy: Policy, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        most = min(policy.max_file_size, MAX_FORM_BYTES)
        self.rest = min(usage.free_bytes, most)
        offered = [(str(size), format_bytes(size)) for size in ROOMS if size <= most]
        if self.rest and self.rest not in ROOMS:
            which = "all your free space" if self.rest < most else "the maximum"
            offered.append((REST, f"{format_bytes(self.rest)}, {which}"))
        self.fields["room"].widget.choices = offered

    def clean_room(self) -> int:
        room = self.cleaned_data["room"]
        # Without free space, ask for one byte, so that the quota refuses the request.
        return max(1, self.rest) if room == REST else int(room)

    def clean_filename(self) -> str:
        sent = self.cleaned_data["filename"]
        return clean_filename(sent) if sent else ""

    def clean_idempotency_key(self) -> str:
        """Return a key that is the same if a form is sent twice with the same choice.

        The key contains the choice and not a number of bytes. If a person sends the
        choice "all your free space" twice, fewer bytes are free at the second request.
        So a key with the number of bytes would differ.
        """
        return f"{self['room'].value()} {self.cleaned_data['idempotency_key'] or new_idempotency_key()}"


class IdempotentForm(forms.Form):
    """A form with only a button. A double click runs the action only once."""

    idempotency_key = idempotency_key_field()

    def clean_idempotency_key(self) -> str:
        return self.cleaned_data["idempotency_key"] or new_idempotency_key()


class RenameForm(forms.Form):
    filename = forms.CharField(required=False, strip=False)

    def clean_filename(self) -> str:
        try:
            return chosen_filename(self.cleaned_data["filename"])
        except InvalidRequest as error:
            raise forms.ValidationError(error.detail) from error


SCOPES = {Scope.READ: "Read only", Scope.WRITE: "Read and write"}
"""Names of the scopes on all pages."""


class TokenForm(SiteForm, forms.Form):
    NEVER = "never"

    name = forms.CharField(
        max_length=100,
        help_text="Write what the token is for, so that you recognise it later.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scope = forms.ChoiceField(
        label="Access",
        choices=SCOPES.items(),
        initial=Scope.READ,
        help_text="Read only: list and download files. Read and write: also upload, "
        "rename and delete files.",
    )
    days = forms.TypedChoiceField(
        label="Expires",
        choices=[
            ("7", "In 7 days"),
            ("30", "In 30 days"),
            ("90", "In 90 days"),
            ("365", "In a year"),
            (NEVER, "Never"),
        ],
        coerce=lambda chosen: None if chosen == TokenForm.NEVER else int(chosen),
        initial="90",
    )
    idempotency_key = idempotency_key_field()
