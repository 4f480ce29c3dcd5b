"""What the upkeep remembers between its passes."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class SweepMark(models.Model):
    """How far a pass over the bucket has come, so that the next one goes on there."""

    name = models.CharField(max_length=32, primary_key=True)
    after_key = models.CharField(max_length=1024, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class Orphan(models.Model):
    """An object that no upload owns, and since when it was seen to be so."""

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
    """A message that could not be read: kept for the operator, out of the queue."""

    source = models.CharField(max_length=32)
    body = models.TextField()
    error = models.CharField(max_length=255)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name = "parked notification"

    def __str__(self) -> str:
        return self.error
