"""Stores figures for operators: results of background jobs, and hourly sums."""

from __future__ import annotations

from typing import Any

from django.db import models


class JobReport(models.Model):
    """Stores the results of the last run of one background job, on any host."""

    SWEEP, AUDIT, DOCTOR, NOTIFICATIONS = "sweep", "audit", "doctor", "notifications"

    name = models.CharField(max_length=32, primary_key=True)
    finished_at = models.DateTimeField()
    seconds = models.FloatField(default=0)
    figures: Any = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.name


class HourlyFigure(models.Model):
    """Stores how many uploads entered a state in one hour, and their bytes.

    The sweeper computes these sums from the audit events of the hour. The admin and the
    metrics read these few rows, because summing up millions of uploads takes too long.
    """

    hour = models.DateTimeField()
    state = models.CharField(max_length=10)
    transport = models.CharField(max_length=9, blank=True)
    """Empty if the upload was erased before the sweeper summed up the hour."""
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
