"""Tables that the sweeper and the other upkeep jobs use."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class SweepMark(models.Model):
    """The last key that a pass over the bucket checked. The next pass resumes there."""

    name = models.CharField(max_length=32, primary_key=True)
    after_key = models.CharField(max_length=1024, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class Orphan(models.Model):
    """An object without an upload, with the times of its first and last check."""

    key = models.CharField(max_length=1024, primary_key=True)
    byte_size = models.PositiveBigIntegerField()
    modified_at = models.DateTimeField()
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    class Meta:
        ordering = ["first_seen_at", "key"]

    def __str__(self) -> str:
        return self.key


class ParkedNotification(models.Model):
    """An unreadable message, deleted from the queue and kept for the operator."""

    source = models.CharField(max_length=32)
    body = models.TextField()
    error = models.CharField(max_length=255)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name = "parked notification"

    def __str__(self) -> str:
        return self.error
