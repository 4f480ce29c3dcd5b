"""What people type into the pages: accounts, and the name of a file."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import forms as auth_forms
from django.contrib.auth.models import User

from uploads.filenames import clean_filename
from uploads.models import Scope


class HouseForm:
    """Puts the house's style on the fields of the form it is mixed into."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        fields: dict[str, forms.Field] = self.fields  # type: ignore[attr-defined]
        for field in fields.values():
            field.widget.attrs["class"] = "input"


class LoginForm(HouseForm, auth_forms.AuthenticationForm):
    error_messages = {
        "invalid_login": "The username or the password is wrong. "
        "Capitals and small letters count in both.",
        "inactive": "This account is switched off. Ask an administrator.",
    }


class PasswordChangeForm(HouseForm, auth_forms.PasswordChangeForm):
    pass


class PasswordResetForm(HouseForm, auth_forms.PasswordResetForm):
    pass


class SetPasswordForm(HouseForm, auth_forms.SetPasswordForm):  # type: ignore[type-arg]
    pass


class SignupForm(HouseForm, auth_forms.UserCreationForm):  # type: ignore[type-arg]
    email = forms.EmailField(
        label="Email address",
        help_text="For a link to a new password, should you forget yours.",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )

    class Meta(auth_forms.UserCreationForm.Meta):
        model = User
        fields = ("username", "email")
        help_texts = {"username": "Letters, digits and @ . + - _ only."}


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
