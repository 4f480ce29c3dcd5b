"""The state of the rate limits."""

from __future__ import annotations

from django.db import models


class Rate(models.Model):
    """The rate limit of one action for one subject. Only ``access.rates`` writes it.

    ``tat`` has no index, because it changes with every request. Deleting old rows
    scans the table, which stays small.
    """

    key = models.CharField(max_length=100, primary_key=True)
    """``<action>:<kind of subject>:<subject>``"""
    tat = models.BigIntegerField(default=0)
    """The "theoretical arrival time" of the generic cell rate algorithm.

    At this time the full allowance is available again. Unit: nanoseconds since 1970.
    """

    def __str__(self) -> str:
        return self.key
