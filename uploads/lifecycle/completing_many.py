"""Completes many small files with no more database queries than one file needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from uploads.inspection.budget import Budget
from uploads.inspection.detection import HEAD_BYTES
from uploads.inspection.verdicts import Sample, detect_in_advance
from uploads.lifecycle.checksums import declared_checksum
from uploads.lifecycle.completion import WHOLE, recorded
from uploads.lifecycle.inspecting import (
    facts_when_ready,
    verdict_in_advance,
)
from uploads.lifecycle.judging import Objects, sample_of, told
from uploads.lifecycle.moving import Passage, move_many
from uploads.lifecycle.policy import Policy, policy_for
from uploads.lifecycle.reading_back import proved_in_memory
from uploads.lifecycle.replays import replaceable_until
from uploads.lifecycle.verification import find_mismatch
from uploads.models import Upload
from uploads.s3.bucket import ObjectFacts
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
    must have the object's facts and first bytes in memory. The function skips all other
    uploads. The caller then calls ``complete`` for every upload, also for the skipped
    uploads.
    """
    if isinstance(objects, PrefetchedBucket):
        policy, now = policy_for(owner), timezone.now()
        checked = [_checked(upload, objects, budget) for upload in uploads]
        verified = [one for one in checked if one is not None]
        with budget.running():
            detect_in_advance([one.sample for one in verified])
        passages = [_passage(one, policy, now) for one in verified]
        move_many(owner, [one for one in passages if one is not None], actor=actor)


@dataclass(frozen=True)
class _Verified:
    """An upload whose object is as declared.

    ``found`` are the object's facts. ``proof`` is the result of the comparison of the
    checksum. Both are new values for the row.
    """

    upload: Upload
    facts: ObjectFacts
    found: dict[str, Any]
    proof: dict[str, Any]
    sample: Sample


def _checked(
    upload: Upload, objects: PrefetchedBucket, budget: Budget
) -> _Verified | None:
    """Compare object and declaration; return None if a check does not pass."""
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
    head_bytes = min(HEAD_BYTES, facts.byte_size)
    head = objects.prefetched_range(upload.key, 0, head_bytes, etag=facts.etag)
    if proof is None or head is None:
        return None
    sample = sample_of(upload, objects, budget, etag=facts.etag)
    return _Verified(upload, facts, found, proof, sample)


def _passage(verified: _Verified, policy: Policy, now: datetime) -> Passage | None:
    """Return the moves that make the upload ready, or None if inspectors object."""
    upload, found, proof = verified.upload, verified.found, verified.proof
    verdict = verdict_in_advance(upload, verified.sample, policy)
    if verdict is None:
        return None
    return Passage(
        upload,
        [(State.INSPECTING, found), (State.READY, told(verdict) | proof)],
        {
            **found,
            **proof,
            "replaceable_until": replaceable_until(upload, verified.facts),
            **facts_when_ready(verdict, now),
            "checked_at": now,
        },
    )
