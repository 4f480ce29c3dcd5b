"""Stores the state of the rate limits."""

from __future__ import annotations

from django.db import models


class Rate(models.Model):
    """Stores the state of one rate limit: one action of one user or one address.

    Only ``access.rates`` writes this table. ``tat`` has no index, because it changes
    with every request. The deletion of old rows reads the whole table, which is small.
    """

    key = models.CharField(max_length=100, primary_key=True)
    """The form of the key is ``<action>:<kind of subject>:<subject>``."""
    tat = models.BigIntegerField(default=0)
    """The "theoretical arrival time" of the generic cell rate algorithm (GCRA).

    From this time on, the full number of requests is available again. The unit is
    nanoseconds since 1970.
    """

    def __str__(self) -> str:
        return self.key
