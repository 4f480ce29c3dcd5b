"""Stores the results of tests on the bucket."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class BucketFact(models.Model):
    """Stores the result of one test on one bucket.

    ``place`` names the endpoint and the bucket. If the site moves to another provider,
    the results for the old bucket do not apply.
    """

    name = models.CharField(max_length=64)
    place = models.CharField(max_length=400)
    value = models.TextField(blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["place", "name"]
        constraints = [
            models.UniqueConstraint(fields=["place", "name"], name="bucket_fact_once")
        ]

    def __str__(self) -> str:
        return self.name
