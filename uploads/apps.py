"""Configures the Django app ``uploads`` and starts its parts."""

from django.apps import AppConfig


class UploadsConfig(AppConfig):
    name = "uploads"
    verbose_name = "Uploads"

    def ready(self) -> None:
        from uploads import checks  # noqa: F401  registers the system checks
        from uploads.access import login_guard  # noqa: F401  connects its receivers
        from uploads.accounts import receivers as _  # noqa: F401
        from uploads.conf import options
        from uploads.http import telemetry
        from uploads.trail import receivers  # noqa: F401  writes the audit trail

        # Raise an error for invalid options here, because a web server runs no system
        # checks.
        options()
        telemetry.start()
