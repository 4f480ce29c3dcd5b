"""The uploads app."""

from django.apps import AppConfig


class UploadsConfig(AppConfig):
    name = "uploads"
    verbose_name = "Uploads"

    def ready(self) -> None:
        # The checks and the receivers of signals register themselves.
        from uploads import checks, login_guard, witness  # noqa: F401
        from uploads.conf import options

        # A server runs no checks: it should not start either with options that
        # would break every request.
        options()
