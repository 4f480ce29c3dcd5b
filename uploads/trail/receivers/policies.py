"""Policies: made, changed, withdrawn."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_delete, post_save, pre_save
from django.dispatch import receiver

from uploads.models import UploadPolicy
from uploads.trail.receivers.changes import changes, remember
from uploads.trail.receivers.requests import acting
from uploads.trail.writing import record

WATCHED = ("user_id", "group_id", "max_file_size", "allowed_content_types")


@receiver(pre_save, sender=UploadPolicy, dispatch_uid="witness.policy_was")
def _will_be_saved(instance: UploadPolicy, update_fields: Any, **_: Any) -> None:
    remember(instance, WATCHED, update_fields)


@receiver(post_save, sender=UploadPolicy, dispatch_uid="witness.policy")
def _saved(instance: UploadPolicy, created: bool, **_: Any) -> None:
    if created:
        _record("policy.created", instance, _rules(instance))
    elif changed := changes(instance):
        _record("policy.changed", instance, changed)


@receiver(post_delete, sender=UploadPolicy, dispatch_uid="witness.no_policy")
def _deleted(instance: UploadPolicy, origin: Any, **_: Any) -> None:
    # What goes with its account is told by the account's own line.
    if getattr(origin, "model", type(origin)) is UploadPolicy:
        _record("policy.deleted", instance, _rules(instance))


def _record(kind: str, policy: UploadPolicy, detail: dict[str, Any]) -> None:
    record(kind, user=policy.user_id, actor=acting(), detail=detail)


def _rules(policy: UploadPolicy) -> dict[str, Any]:
    return {name: getattr(policy, name) for name in WATCHED}
