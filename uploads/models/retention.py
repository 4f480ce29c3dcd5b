"""Rules that delete files after a time, and the warnings that come first."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q

from uploads.models.upload import Upload

ANY_TYPE = "*/*"


class RetentionRule(models.Model):
    """Deletes stored files after ``days``. If several rules fit, the shortest counts."""

    name = models.CharField(max_length=100)
    is_active = models.BooleanField("active", default=True)
    group = models.ForeignKey(
        Group,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text="Only files of the members of this group. Empty: of everybody.",
    )
    content_type = models.CharField(
        max_length=127,
        default=ANY_TYPE,
        validators=[RegexValidator(r"^(\*/\*|[\w.+-]+/(\*|[\w.+-]+))$")],
        help_text="Such as video/* or application/pdf; */* is every type.",
    )
    days = models.PositiveIntegerField(
        validators=[MinValueValidator(1)],
        help_text="Days after the upload on which a file is deleted.",
    )
    warn_days = models.PositiveIntegerField(
        "warning",
        default=7,
        help_text="Days before the deletion on which the owner gets a mail. A file is "
        "never deleted sooner after the mail, also if it is older than the rule.",
    )

    class Meta:
        ordering = ["name"]
        verbose_name = "retention rule"
        constraints = [
            models.CheckConstraint(
                condition=Q(days__gte=1, warn_days__lt=F("days")),
                name="retention_warns_before",
                violation_error_message="The warning must be fewer days than the rule.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class RetentionNotice(models.Model):
    """A file that a rule will delete. The mail about it was sent at ``warned_at``."""

    upload = models.OneToOneField(
        Upload, models.CASCADE, primary_key=True, related_name="retention_notice"
    )
    rule = models.ForeignKey(RetentionRule, models.CASCADE, related_name="+")
    warned_at = models.DateTimeField(null=True)
    claimed_until = models.DateTimeField(null=True)
    """End of the lease of the process that sends the mail."""
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
