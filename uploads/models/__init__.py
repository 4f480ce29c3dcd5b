"""Rows: fields, constraints and querysets. Nothing here talks to the network."""

from uploads.models.event import UploadEvent
from uploads.models.policy import UploadPolicy
from uploads.models.quota import StorageQuota
from uploads.models.token import ApiToken
from uploads.models.upkeep import Orphan, ParkedNotification, SweepMark
from uploads.models.upload import Upload, UploadQuerySet

__all__ = [
    "ApiToken",
    "Orphan",
    "ParkedNotification",
    "StorageQuota",
    "SweepMark",
    "Upload",
    "UploadEvent",
    "UploadPolicy",
    "UploadQuerySet",
]
