"""What people type into the pages: the name of a file, what a token may do."""

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
"""What a plain form may ask for, in bytes."""

REST = "rest"


def new_token() -> str:
    """Return what makes a form sent twice by a double click one form."""
    return uuid.uuid4().hex


def once_field() -> forms.CharField:
    """Return a hidden field by which a form that is sent again is known.

    Browsers may keep what hidden fields held when a page is loaded anew: not this.
    """
    return forms.CharField(
        max_length=64,
        required=False,
        initial=new_token,
        widget=forms.HiddenInput(attrs={"autocomplete": "off"}),
    )


class HouseForm:
    """Puts the house's style on the fields of the form it is mixed into."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        fields: dict[str, forms.Field] = self.fields  # type: ignore[attr-defined]
        for field in fields.values():
            if not isinstance(field.widget, forms.CheckboxInput):
                field.widget.attrs["class"] = "input"


class PlainUploadForm(HouseForm, forms.Form):
    """What a person without scripts says of a file before sending it.

    ``room`` is cleaned to bytes. Sizes that the policy forbids are not offered, but
    understood: why they are refused is for the policy to say.
    """

    room = forms.ChoiceField(
        label="The file is at most",
        choices=[*((str(size), format_bytes(size)) for size in ROOMS), (REST, REST)],
        help_text="So much of your space is reserved until the file is here. From "
        "then on only its own size counts.",
    )
    filename = forms.CharField(
        label="Name (optional)",
        required=False,
        max_length=1024,
        help_text="With its ending, such as .pdf. Without a name, the file keeps its "
        "own where the storage passes it on.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    once = once_field()

    def __init__(self, *args: Any, usage: Usage, policy: Policy, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        most = min(policy.max_file_size, MAX_FORM_BYTES)
        self.rest = min(usage.free_bytes, most)
        offered = [(str(size), format_bytes(size)) for size in ROOMS if size <= most]
        if self.rest and self.rest not in ROOMS:
            which = "all that is left" if self.rest < most else "the most that may be"
            offered.append((REST, f"{format_bytes(self.rest)}, {which}"))
        self.fields["room"].widget.choices = offered

    def clean_room(self) -> int:
        room = self.cleaned_data["room"]
        # Nothing is left for a file: one byte is refused as any other size.
        return max(1, self.rest) if room == REST else int(room)

    def clean_filename(self) -> str:
        sent = self.cleaned_data["filename"]
        return clean_filename(sent) if sent else ""

    def clean_once(self) -> str:
        """Return what is the same when the same choice is sent twice, and only then.

        By the choice and not by its bytes: a second click on all that is left comes
        when the first has taken it.
        """
        return f"{self['room'].value()} {self.cleaned_data['once'] or new_token()}"


class OnceForm(forms.Form):
    """A button that does what it does once, however often it is clicked."""

    once = once_field()

    def clean_once(self) -> str:
        return self.cleaned_data["once"] or new_token()


class RenameForm(forms.Form):
    filename = forms.CharField(required=False, strip=False)

    def clean_filename(self) -> str:
        try:
            return chosen_filename(self.cleaned_data["filename"])
        except InvalidRequest as error:
            raise forms.ValidationError(error.detail) from error


SCOPES = {Scope.READ: "Read only", Scope.WRITE: "Read and write"}
"""What a token may do, in the words of every page."""


class TokenForm(HouseForm, forms.Form):
    NEVER = "never"

    name = forms.CharField(
        max_length=100,
        help_text="What it is for, so that you know it again.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scope = forms.ChoiceField(
        label="Access",
        choices=SCOPES.items(),
        initial=Scope.READ,
        help_text="To read is to list and to download; to write is to upload, rename "
        "and delete as well.",
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
    once = once_field()
