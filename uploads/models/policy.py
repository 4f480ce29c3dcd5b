"""Stores the upload rules of a user or a group."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q


class UploadPolicy(models.Model):
    """Stores the upload rules of one user, or of all members of one group.

    If a field is empty, the site's default applies.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="upload_policy",
    )
    group = models.OneToOneField(
        Group, models.CASCADE, null=True, blank=True, related_name="upload_policy"
    )
    max_file_size = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Bytes. Empty: the site's default."
    )
    allowed_content_types = models.JSONField(
        null=True,
        blank=True,
        help_text='A list such as ["image/*", "application/pdf"]. '
        "Empty: the site's default.",
    )

    class Meta:
        verbose_name = "policy"
        verbose_name_plural = "policies"
        constraints = [
            models.CheckConstraint(
                condition=Q(user__isnull=True) ^ Q(group__isnull=True),
                name="policy_for_user_or_group",
            )
        ]

    def __str__(self) -> str:
        return f"policy of {self.user or self.group}"
