"""Stores API tokens, the secrets with which programs use the API."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


class Scope(models.TextChoices):
    """Defines which requests a token permits."""

    READ = "read", "Read: list and download"
    WRITE = "write", "Read and write: everything the API can do"


class ApiToken(models.Model):
    """Stores an API token of a user. The table has only the SHA-256 of the secret.

    Revoked tokens stay in the table, because audit events refer to them.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens"
    )
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scope = models.CharField(max_length=5, choices=Scope, default=Scope.WRITE)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    idempotency_key = models.CharField(
        max_length=64, null=True, editable=False, db_column="form_mark"
    )
    """The idempotency key of the form that created the token.

    If a browser sends the form twice, the site creates only one token. During an
    upgrade, processes of release 0.1.0 read and write the same column. So the column
    keeps its name from that release.
    """

    LAST_USED_RESOLUTION = timedelta(minutes=1)

    class Meta:
        verbose_name = "API token"
        constraints = [
            models.CheckConstraint(
                condition=Q(scope__in=Scope.values), name="token_scope_known"
            ),
            models.UniqueConstraint(
                fields=["user", "idempotency_key"], name="token_once_per_key"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_live(self) -> bool:
        """Return whether the token is not revoked and not expired.

        This property does not check whether the owner's account is active.
        """
        return self.revoked_at is None and (
            self.expires_at is None or self.expires_at > timezone.now()
        )
