"""Stores the quota of each user, and how much of the quota is in use."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q


class StorageQuota(models.Model):
    """Stores the limits of one user, and the bytes and files of this user.

    Reserved bytes and files belong to unfinished uploads. ``used_bytes`` and
    ``file_count`` belong to stored files.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        primary_key=True,
        related_name="storage_quota",
    )
    limit_bytes = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Bytes. Empty: the site's default."
    )
    max_files = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Number of files. Empty: the site's default."
    )
    max_open = models.PositiveBigIntegerField(
        null=True,
        blank=True,
        help_text="Number of unfinished uploads. Empty: the site's default.",
    )
    used_bytes = models.PositiveBigIntegerField(default=0, editable=False)
    reserved_bytes = models.PositiveBigIntegerField(default=0, editable=False)
    file_count = models.PositiveBigIntegerField(default=0, editable=False)
    reserved_files = models.PositiveBigIntegerField(default=0, editable=False)

    class Meta:
        verbose_name = "quota"
        verbose_name_plural = "quotas"
        constraints = [
            # If a bug releases a reservation twice, the database must raise an error.
            models.CheckConstraint(
                condition=Q(
                    used_bytes__gte=0,
                    reserved_bytes__gte=0,
                    file_count__gte=0,
                    reserved_files__gte=0,
                ),
                name="quota_never_negative",
            )
        ]

    def __str__(self) -> str:
        return f"quota of {self.user}"
