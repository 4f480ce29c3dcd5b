"""What people type into the pages: the name of a file, what a token may do."""

from __future__ import annotations

from typing import Any

from django import forms

from uploads.filenames import clean_filename
from uploads.models import Scope


class HouseForm:
    """Puts the house's style on the fields of the form it is mixed into."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        fields: dict[str, forms.Field] = self.fields  # type: ignore[attr-defined]
        for field in fields.values():
            if not isinstance(field.widget, forms.CheckboxInput):
                field.widget.attrs["class"] = "input"


class RenameForm(forms.Form):
    filename = forms.CharField(max_length=1024)

    def clean_filename(self) -> str:
        return clean_filename(self.cleaned_data["filename"])


class TokenForm(HouseForm, forms.Form):
    NEVER = "never"

    name = forms.CharField(
        max_length=100,
        help_text="What it is for, so that you know it again.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scope = forms.ChoiceField(
        label="It may",
        choices=[
            (Scope.READ, "List and download"),
            (Scope.WRITE, "Also upload, rename and delete"),
        ],
        initial=Scope.READ,
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
