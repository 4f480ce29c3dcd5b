"""How much of its allowance somebody has spent."""

from __future__ import annotations

from django.db import models


class Rate(models.Model):
    """One number for each action and subject, moved by ``rates.spend`` alone.

    There is no index on ``tat``: it changes with every request, and whoever looks
    for old rows finds few others.
    """

    key = models.CharField(max_length=100, primary_key=True)
    """``<action>:<kind of subject>:<subject>``"""
    tat = models.BigIntegerField(default=0)
    """When all that was spent has been earned again, in nanoseconds since 1970.

    The "theoretical arrival time" of the generic cell rate algorithm.
    """

    def __str__(self) -> str:
        return self.key
