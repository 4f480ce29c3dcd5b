"""Validate the JSON that browsers send for passkeys. Ignore unknown members."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

import structlog
from allauth.mfa.webauthn import forms as webauthn
from django import forms
from django.core.exceptions import ValidationError
from django.db import Error as AnyDatabaseError
from pydantic import BaseModel, StringConstraints
from pydantic import ValidationError as WrongShape

from uploads.errors import UploadError

logger = structlog.get_logger("slipway.accounts")

MAX_LENGTH = 32 * 1024
"""Maximum number of characters. A response with certificates has about 8,000."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_LENGTH)]


class Properties(BaseModel):
    rk: bool | None = None


class Extensions(BaseModel):
    credProps: Properties = Properties()  # noqa: N815  the protocol's names


class Registration(BaseModel):
    clientDataJSON: Text  # noqa: N815
    attestationObject: Text  # noqa: N815


class Assertion(BaseModel):
    clientDataJSON: Text  # noqa: N815
    authenticatorData: Text  # noqa: N815
    signature: Text
    userHandle: Text | None = None  # noqa: N815


class Credential(BaseModel):
    """The JSON form of a browser's PublicKeyCredential."""

    id: Text
    rawId: Text  # noqa: N815
    type: Literal["public-key"]
    response: Registration | Assertion
    clientExtensionResults: Extensions = Extensions()  # noqa: N815


class CredentialField(forms.CharField):
    """A form field for the response of a passkey.

    Its value is a dictionary without unknown members.
    """

    widget = forms.HiddenInput
    default_error_messages = {
        "unreadable": "The response of the passkey could not be read. Try again.",
    }

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        try:
            if len(text) > MAX_LENGTH:
                raise ValueError("too long")
            return Credential.model_validate(json.loads(text)).model_dump(
                exclude_none=True
            )
        except (ValueError, RecursionError, WrongShape) as error:
            raise self._unreadable() from error

    def _unreadable(self) -> ValidationError:
        return ValidationError(self.error_messages["unreadable"], code="unreadable")


@contextmanager
def refusing_broken_answers() -> Iterator[None]:
    """Raise ValidationError if a library that parses the response raises an error.

    Several libraries read Base64, CBOR, certificates and keys, and each library raises
    its own errors. Database errors and UploadErrors are raised unchanged.
    """
    try:
        yield
    except (ValidationError, UploadError, AnyDatabaseError):
        raise
    except Exception as error:
        logger.info("passkey.unreadable", kind=type(error).__name__)
        words = CredentialField.default_error_messages["unreadable"]
        raise ValidationError(words, code="unreadable") from error


class AnswerForm(forms.Form):
    """Replaces the field ``credential`` of a form of allauth by a CredentialField."""

    credential = CredentialField()

    def clean_credential(self) -> Any:
        with refusing_broken_answers():
            return super().clean_credential()  # type: ignore[misc]


class LoginPasskeyForm(AnswerForm, webauthn.LoginWebAuthnForm):  # type: ignore[misc]
    pass


class AuthenticatePasskeyForm(AnswerForm, webauthn.AuthenticateWebAuthnForm):  # type: ignore[misc]
    pass


class ReauthenticatePasskeyForm(AnswerForm, webauthn.ReauthenticateWebAuthnForm):  # type: ignore[misc]
    pass
