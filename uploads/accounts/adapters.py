"""Adapters for allauth: client addresses, messages, mails, secrets and sign-up."""

from __future__ import annotations

import base64
import secrets
from typing import Any

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.crypto import salted_hmac

from uploads.access.addresses import client_address
from uploads.access.links import site_name, site_url
from uploads.accounts import new_sessions
from uploads.accounts.browsers import describe

logger = structlog.get_logger("slipway.accounts")

NO_ADDRESS = "::"
"""The value that allauth stores if the client's address is unknown.

For example, a connection over a Unix socket has no address.
"""


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": "The username or the password is wrong. "
        "Both are case-sensitive.",
        "enter_current_password": "This is not your current password.",
        "incorrect_password": "The password is wrong.",
        "too_many_login_attempts": "Too many wrong codes. "
        "Wait five minutes, then try again.",
        "rate_limited": "Too many wrong codes. Wait five minutes, then try again.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.SIGNUP_OPEN)

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request) or NO_ADDRESS

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Switch off allauth's own limit, because LoginGuard limits wrong passwords."""

    def pre_login(self, request: HttpRequest, user: Any, **about: Any) -> Any:
        """Return allauth's refusal, if any. Else count the login as a new session.

        Raises RateLimited if the rate limit for new sessions is reached.
        """
        refusal = super().pre_login(request, user, **about)
        if refusal is None and about["signup"]:
            # Anybody may create accounts, and each account has its own limit. So count
            # a sign-up against the limit of the client's address.
            new_sessions.pay(request)
        elif refusal is None:
            new_sessions.pay_for_login(request, user)
        return refusal

    def get_reset_password_from_key_url(self, key: str) -> str:
        user, _, token = key.partition("-")
        path = reverse("account_reset_password_from_key", args=[user, token])
        return f"{site_url(context.request)}{path}"

    def send_mail(
        self, template_prefix: str, email: str, context: dict[str, Any]
    ) -> None:
        """Send a mail. The text and the links of the mail contain the same host."""
        name = site_name(_current_request())
        site = {"domain": name, "name": name}
        super().send_mail(template_prefix, email, {"current_site": site, **context})

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("account")


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "This code is wrong. Enter the code that the app shows "
        "now, or a recovery code that you have not used yet.",
    }

    def encrypt(self, text: str) -> str:
        return _cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return the secret, or a random secret if it cannot be decrypted.

        Decryption fails if SECRET_KEY was changed and the old key is not in
        SECRET_KEY_FALLBACKS. No code of the user's app matches the random secret.
        """
        try:
            return _cipher().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            logger.error(
                "second_factor.unreadable",
                hint="A second factor was encrypted with an earlier SECRET_KEY, so the "
                "site cannot read it. Add the earlier key to SECRET_KEY_FALLBACKS.",
            )
            return base64.b32encode(secrets.token_bytes(20)).decode()

    def get_totp_label(self, user: Any) -> str:
        return str(user.get_username())

    def get_totp_issuer(self) -> str:
        return f"Slipway {site_name(context.request)}"

    def generate_authenticator_name(self, user: Any, type: Any) -> str:  # noqa: A002
        browser = describe(context.request.headers.get("User-Agent", ""))
        same = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return f"{browser} ({same + 1})" if same else browser

    def get_public_key_credential_user_entity(self, user: Any) -> dict[str, Any]:
        entity: dict[str, Any] = super().get_public_key_credential_user_entity(user)
        return {**entity, "name": user.get_username()}


def _current_request() -> HttpRequest:
    """Return the current request.

    ``send_mail`` has a parameter ``context``, so it cannot use allauth's ``context``.
    """
    request: HttpRequest = context.request
    return request


def _cipher() -> MultiFernet:
    """Return the cipher for the secrets of second factors.

    The keys of the cipher come from SECRET_KEY. So a copy of the database alone does
    not reveal the secrets.
    """
    return MultiFernet(
        [
            Fernet(
                base64.urlsafe_b64encode(
                    salted_hmac(
                        "uploads.access.second_factor",
                        "",
                        secret=key,
                        algorithm="sha256",
                    ).digest()
                )
            )
            for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
        ]
    )
