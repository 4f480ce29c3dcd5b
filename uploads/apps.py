"""The uploads app."""

from django.apps import AppConfig


class UploadsConfig(AppConfig):
    name = "uploads"
    verbose_name = "Uploads"

    def ready(self) -> None:
        from uploads import (  # noqa: F401
            checks,  # registers the system checks
            witness,  # connects the receivers that write the audit trail
        )
