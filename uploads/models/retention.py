"""Stores rules that delete old files, and the warnings before these deletions."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q

from uploads.models.upload import Upload

ANY_TYPE = "*/*"


class RetentionRule(models.Model):
    """Stores a rule that deletes files ``days`` days after their upload.

    If several rules match a file, the rule with the fewest days applies.
    """

    name = models.CharField(max_length=100)
    is_active = models.BooleanField("active", default=True)
    group = models.ForeignKey(
        Group,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text="Only files of this group's members. Empty: files of all users.",
    )
    content_type = models.CharField(
        max_length=127,
        default=ANY_TYPE,
        validators=[RegexValidator(r"^(\*/\*|[\w.+-]+/(\*|[\w.+-]+))$")],
        help_text="For example video/* or application/pdf. */* means every type.",
    )
    days = models.PositiveIntegerField(
        validators=[MinValueValidator(1)],
        help_text="Number of days after the upload until the file is deleted.",
    )
    warn_days = models.PositiveIntegerField(
        "warning",
        default=7,
        help_text="The owner gets a mail this number of days before the deletion. At "
        "least this time passes between the mail and the deletion, even if the file is "
        "already older than the rule allows.",
    )

    class Meta:
        ordering = ["name"]
        verbose_name = "retention rule"
        constraints = [
            models.CheckConstraint(
                condition=Q(days__gte=1, warn_days__lt=F("days")),
                name="retention_warns_before",
                violation_error_message="The warning needs fewer days than the rule.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class RetentionNotice(models.Model):
    """Stores that a rule will delete a file at ``delete_at``.

    The owner got the warning by mail at ``warned_at``.
    """

    upload = models.OneToOneField(
        Upload, models.CASCADE, primary_key=True, related_name="retention_notice"
    )
    rule = models.ForeignKey(RetentionRule, models.CASCADE, related_name="+")
    warned_at = models.DateTimeField(null=True)
    claimed_until = models.DateTimeField(null=True)
    """The end of the lease of the process that sends the mail.

    Until this time, no other process sends the mail.
    """
    delete_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["delete_at"],
                condition=Q(delete_at__isnull=False),
                name="notice_due",
            )
        ]

    def __str__(self) -> str:
        return f"notice of {self.upload_id}"
