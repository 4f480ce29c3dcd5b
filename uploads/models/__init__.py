"""Defines the database tables: their fields, constraints and querysets."""

from uploads.models.bucket import BucketFact
from uploads.models.event import AuditEvent
from uploads.models.figures import HourlyFigure, JobReport
from uploads.models.parts import PartChecksums
from uploads.models.policy import UploadPolicy
from uploads.models.quota import StorageQuota
from uploads.models.rate import Rate
from uploads.models.retention import RetentionNotice, RetentionRule
from uploads.models.token import ApiToken, Scope
from uploads.models.upkeep import Orphan, ParkedNotification, SweepMark
from uploads.models.upload import Upload, UploadQuerySet

__all__ = [
    "ApiToken",
    "AuditEvent",
    "BucketFact",
    "HourlyFigure",
    "JobReport",
    "Orphan",
    "ParkedNotification",
    "PartChecksums",
    "Rate",
    "RetentionNotice",
    "RetentionRule",
    "Scope",
    "StorageQuota",
    "SweepMark",
    "Upload",
    "UploadPolicy",
    "UploadQuerySet",
]
