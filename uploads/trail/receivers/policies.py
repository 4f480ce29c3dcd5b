"""Writes an audit event when an upload policy is created, changed or deleted."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_delete, post_save, pre_save
from django.dispatch import receiver

from uploads.models import UploadPolicy
from uploads.trail.receivers.changes import changes, remember_stored_values
from uploads.trail.receivers.requests import current_account
from uploads.trail.writing import record

WATCHED = ("user_id", "group_id", "max_file_size", "allowed_content_types")


@receiver(pre_save, sender=UploadPolicy, dispatch_uid="trail.before_policy")
def _before_save(instance: UploadPolicy, update_fields: Any, **_: Any) -> None:
    remember_stored_values(instance, WATCHED, update_fields)


@receiver(post_save, sender=UploadPolicy, dispatch_uid="trail.policy")
def _saved(instance: UploadPolicy, created: bool, **_: Any) -> None:
    if created:
        _record("policy.created", instance, _rules(instance))
    elif changed := changes(instance):
        _record("policy.changed", instance, changed)


@receiver(post_delete, sender=UploadPolicy, dispatch_uid="trail.no_policy")
def _deleted(instance: UploadPolicy, origin: Any, **_: Any) -> None:
    # If a policy is deleted together with its account, only the event "account.deleted"
    # is written.
    if getattr(origin, "model", type(origin)) is UploadPolicy:
        _record("policy.deleted", instance, _rules(instance))


def _record(kind: str, policy: UploadPolicy, detail: dict[str, Any]) -> None:
    record(kind, user=policy.user_id, actor=current_account(), detail=detail)


def _rules(policy: UploadPolicy) -> dict[str, Any]:
    return {name: getattr(policy, name) for name in WATCHED}
