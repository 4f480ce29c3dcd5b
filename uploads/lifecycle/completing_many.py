"""Completes many small files with no more database queries than one file needs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.utils import timezone

from uploads.inspection.budget import Budget
from uploads.lifecycle.checksums import declared_checksum
from uploads.lifecycle.completion import WHOLE, recorded
from uploads.lifecycle.inspecting import (
    facts_when_ready,
    verdict_in_advance,
)
from uploads.lifecycle.judging import Objects, told
from uploads.lifecycle.moving import Passage, move_many
from uploads.lifecycle.policy import Policy, policy_for
from uploads.lifecycle.reading_back import proved_in_memory
from uploads.lifecycle.replays import replaceable_until
from uploads.lifecycle.verification import find_mismatch
from uploads.models import Upload
from uploads.s3.prefetch import PrefetchedBucket
from uploads.states import State


def complete_many(
    owner: Any,
    uploads: Iterable[Upload],
    *,
    actor: Any,
    objects: Objects,
    budget: Budget,
) -> None:
    """Make those ``uploads`` ready whose checks all pass during this call.

    An upload can pass only if one request sent the whole file. In addition, ``objects``
    must have the object's facts in memory. The function skips all other uploads. The
    caller then calls ``complete`` for every upload, also for the skipped uploads.
    """
    if isinstance(objects, PrefetchedBucket):
        policy, now = policy_for(owner), timezone.now()
        passages = (
            _passage(upload, objects, budget, policy, now) for upload in uploads
        )
        move_many(owner, [one for one in passages if one is not None], actor=actor)


def _passage(
    upload: Upload,
    objects: PrefetchedBucket,
    budget: Budget,
    policy: Policy,
    now: datetime,
) -> Passage | None:
    """Return the moves that make the upload ready, or None if a check does not pass."""
    if upload.state != State.PENDING or upload.transport not in WHOLE:
        return None
    facts = objects.prefetched_facts(upload.key)
    if facts is None:
        return None
    expected = declared_checksum(upload)
    if find_mismatch(upload, facts, expected_checksum=expected):
        return None
    found = recorded(upload, facts, expected)
    content = objects.prefetched_range(upload.key, 0, facts.byte_size, etag=facts.etag)
    proof = proved_in_memory(upload, content, found["checksum_verified_by"])
    if proof is None:
        return None
    verdict = verdict_in_advance(upload, objects, budget, policy, etag=facts.etag)
    if verdict is None:
        return None
    watched = {"replaceable_until": replaceable_until(upload, facts)}
    return Passage(
        upload,
        [(State.INSPECTING, found), (State.READY, told(verdict) | proof)],
        {
            **found,
            **proof,
            **watched,
            **facts_when_ready(verdict, now),
            "checked_at": now,
        },
    )
