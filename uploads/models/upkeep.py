"""Stores the sweeper's progress, orphaned objects, and notifications that failed."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class SweepMark(models.Model):
    """Stores the progress of a job that needs several passes, such as a bucket sweep.

    ``after_key`` is the last object key or user id that a pass has checked. The next
    pass continues with the key or user id after it. The mark of the doctor differs. Its
    ``after_key`` is the key of the last probe object with a notification.
    """

    name = models.CharField(max_length=32, primary_key=True)
    after_key = models.CharField(max_length=1024, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class Orphan(models.Model):
    """Stores an object in the bucket that has no row.

    ``first_seen_at`` and ``last_seen_at`` are the times of the first and the last sweep
    that has found the object.
    """

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
    """Stores a notification that the site could not process, for the operator.

    The message is no longer in the queue.
    """

    source = models.CharField(max_length=32)
    body = models.TextField()
    error = models.CharField(max_length=255)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name = "parked notification"

    def __str__(self) -> str:
        return self.error
