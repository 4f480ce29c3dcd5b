"""Figures for operators: the last run of each background job, and hourly sums."""

from __future__ import annotations

from typing import Any

from django.db import models


class JobReport(models.Model):
    """The last run of a background job on any host."""

    SWEEP, AUDIT, DOCTOR, NOTIFICATIONS = "sweep", "audit", "doctor", "notifications"

    name = models.CharField(max_length=32, primary_key=True)
    finished_at = models.DateTimeField()
    seconds = models.FloatField(default=0)
    figures: Any = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.name


class HourlyFigure(models.Model):
    """Uploads that entered a state within one hour, and their bytes.

    The sweeper sums the audit events of each hour. Pages read these few rows instead
    of millions of uploads.
    """

    hour = models.DateTimeField()
    state = models.CharField(max_length=10)
    transport = models.CharField(max_length=9, blank=True)
    """Empty if the upload was erased before its hour was summed."""
    cause = models.CharField(max_length=32, blank=True)
    uploads = models.PositiveBigIntegerField()
    byte_size = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["hour", "state", "transport", "cause"], name="figure_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H}:00 {self.state}"
