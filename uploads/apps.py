"""The uploads app."""

from django.apps import AppConfig


class UploadsConfig(AppConfig):
    name = "uploads"
    verbose_name = "Uploads"

    def ready(self) -> None:
        from uploads import (  # noqa: F401
            checks,  # registers the system checks
            login_guard,  # hears of logins, to give back what they spent
            witness,  # connects the receivers that write the audit trail
        )
        from uploads.accounts import receivers  # noqa: F401
        from uploads.conf import options

        # A server runs no checks: it should not start either with options that
        # would break every request.
        options()
