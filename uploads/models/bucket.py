"""Results of tests on the bucket."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class BucketFact(models.Model):
    """The result of one test on a bucket.

    ``place`` is the endpoint and the bucket, because providers differ.
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
