"""Provide the environment of a deployed site without HTTPS."""

from __future__ import annotations

from django.conf import settings

from tests.support.static_files import collected
from uploads.dev.ports import HOST


def production() -> dict[str, str]:
    """Return the environment of a production site without HTTPS."""
    return {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "STATIC_ROOT": str(collected()),
        "DEBUG": "false",
        "SECRET_KEY": settings.SECRET_KEY,
        "ALLOWED_HOSTS": f"{HOST},localhost",
        "SECURE_SSL_REDIRECT": "false",
        "SECURE_COOKIES": "false",
        "EMAIL_URL": "console:",
    }
