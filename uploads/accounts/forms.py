"""Forms of the account pages. They are allauth's forms with our labels and texts."""

from __future__ import annotations

from typing import Any

import structlog
from allauth.account import forms as account
from allauth.mfa.base import forms as codes
from allauth.mfa.totp import forms as totp
from allauth.mfa.webauthn import forms as webauthn
from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db import transaction
from django.http import HttpRequest

from uploads.access import rates, tokens
from uploads.access.addresses import client_address
from uploads.accounts.passkeys import CredentialField, refusing_broken_answers
from uploads.errors import RateLimited
from uploads.forms import SiteForm

logger = structlog.get_logger("slipway.accounts")

NEW_PASSWORD_HELP = (
    "At least 8 characters, and not a common password. 15 or more characters are "  # noqa: S105
    "better, for example three or four unrelated words."
)
WRONG_FIRST_CODE = (
    "This code is wrong. The code changes every 30 seconds, so enter the code that the "
    "app shows now. If no code works, check the clock of the device."
)


class AccountForm(SiteForm):
    """Puts our labels and help texts into a form of allauth."""

    labels: dict[str, str] = {}
    help_texts: dict[str, str] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, forms.Field] = self.fields  # type: ignore[attr-defined]
        for name, field in fields.items():
            field.widget.attrs.pop("placeholder", None)
            field.label = self.labels.get(name, field.label)
            field.help_text = self.help_texts.get(name, "")


class LoginForm(AccountForm, account.LoginForm):  # type: ignore[misc]
    def add_prefix(self, field_name: str) -> str:
        # Password managers and other programs expect the name "username".
        name = "username" if field_name == "login" else field_name
        return str(super().add_prefix(name))


class SignupForm(AccountForm, account.SignupForm):  # type: ignore[misc]
    labels = {"email": "Email address", "password2": "Repeat the password"}
    help_texts = {
        "username": "Letters, digits and @ . + - _ only.",
        "email": "We send a link to this address if you forget your password.",
        "password1": NEW_PASSWORD_HELP,
    }


class ChangePasswordForm(AccountForm, account.ChangePasswordForm):  # type: ignore[misc]
    labels = {
        "oldpassword": "Current password",
        "password1": "New password",
        "password2": "Repeat the new password",
    }
    help_texts = {
        "password1": NEW_PASSWORD_HELP,
        "revoke_tokens": "Programs that use a token will need a new token.",
    }
    revoke_tokens = forms.BooleanField(
        label="Also revoke my API tokens", initial=True, required=False
    )

    @transaction.atomic
    def save(self) -> None:
        super().save()
        if self.cleaned_data["revoke_tokens"]:
            tokens.revoke_all(self.user, actor=self.user)


class SetPasswordForm(AccountForm, account.SetPasswordForm):  # type: ignore[misc]
    labels = {"password1": "Password", "password2": "Repeat the password"}
    help_texts = {"password1": NEW_PASSWORD_HELP}


class ResetPasswordForm(AccountForm, account.ResetPasswordForm):  # type: ignore[misc]
    """Sends mails with a link to set a new password.

    A mailbox gets only a few of these mails a day.

    The response is the same with and without an account, so that it does not reveal
    which accounts exist. Every request counts against the rate limit of the client's
    address. If this limit is reached, the response is an error. Anybody may sign up
    with the email address of another person. So a request sends mails only for the
    MAX_MAILS oldest accounts of a mailbox.
    """

    MAX_MAILS = 5

    users: list[Any]
    labels = {"email": "Email address"}

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        rates.spend("reset", *rates.visitors(client_address(request)))
        self.users = sorted(self.users, key=lambda user: user.pk)[: self.MAX_MAILS]
        if self.users and not _may_send_mail(self.cleaned_data["email"]):
            return str(self.cleaned_data["email"])
        return str(super().save(request, **kwargs))


def _may_send_mail(email: str) -> bool:
    """Spend one unit of the mailbox's rate limit. Return False if no unit is left."""
    try:
        rates.spend("reset", rates.recipient(email))
    except RateLimited:
        hint = (
            "The site did not send a mail for a new password. This mailbox has already "
            "received the maximum number of such mails (UPLOADS_RATE_RESET)."
        )
        logger.warning("reset_mail.not_sent", hint=hint)
        return False
    return True


class ResetPasswordKeyForm(AccountForm, account.ResetPasswordKeyForm):  # type: ignore[misc]
    labels = {"password1": "New password", "password2": "Repeat the new password"}
    help_texts = {"password1": NEW_PASSWORD_HELP}

    @transaction.atomic
    def save(self) -> None:
        """Set the password. Revoke all tokens, in case the old password was stolen."""
        super().save()
        tokens.revoke_all(self.user, actor=self.user)


class ReauthenticateForm(AccountForm, account.ReauthenticateForm):  # type: ignore[misc]
    pass


class CodeField(AccountForm):
    """A form with a field for a code from an app or a recovery code."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, forms.Field] = self.fields  # type: ignore[attr-defined]
        fields["code"].widget.attrs |= {
            "inputmode": "numeric",
            "autofocus": True,
            "spellcheck": "false",
        }


class CodeForm(CodeField, codes.AuthenticateForm):  # type: ignore[misc]
    help_texts = {
        "code": "The code that your authenticator app shows now, or one of your "
        "recovery codes."
    }


class ReauthenticateCodeForm(CodeField, codes.ReauthenticateForm):  # type: ignore[misc]
    help_texts = CodeForm.help_texts


class ActivateAppForm(CodeField, totp.ActivateTOTPForm):  # type: ignore[misc]
    labels = {"code": "Code that the app shows"}

    def clean_code(self) -> str:
        try:
            return str(super().clean_code())
        except ValidationError as error:
            if error.code != "incorrect_code":
                raise
            # The adapter's message mentions recovery codes, but the user has none yet.
            raise ValidationError(WRONG_FIRST_CODE, code=error.code) from error


class AddPasskeyForm(AccountForm, webauthn.AddWebAuthnForm):  # type: ignore[misc]
    labels = {"passwordless": "Log in with this passkey alone, without the password"}
    help_texts = {
        "name": "A name by which you recognise this passkey.",
        "passwordless": "The device then asks for your fingerprint, face or PIN.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _limit_length(self.fields["name"])
        self.fields["passwordless"].initial = True
        self.fields["credential"] = CredentialField()

    def clean(self) -> Any:
        try:
            with refusing_broken_answers():
                return super().clean()
        except ValidationError as error:
            # The page shows only the errors of the field ``credential``.
            self.add_error("credential", error)
            return self.cleaned_data


class RenamePasskeyForm(AccountForm, webauthn.EditWebAuthnForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _limit_length(self.fields["name"])


def _limit_length(field: forms.Field, limit: int = 100) -> None:
    field.validators.append(MaxLengthValidator(limit))
    field.widget.attrs["maxlength"] = str(limit)
