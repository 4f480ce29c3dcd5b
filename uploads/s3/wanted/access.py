"""Derives the IAM policies of the site's identities from the calls that the code makes.

CALLS lists the calls of each identity. tests/unit/s3/test_iam.py compares this list
with the calls that the tests have recorded. ACTIONS lists the permissions ("actions")
that AWS requires for each call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

from uploads.s3.wanted.documents import Document
from uploads.s3.wanted.site_facts import SiteFacts


class Identity(StrEnum):
    """Names a pair of S3 credentials that has its own permissions.

    The signer signs the URLs of uploads. The worker makes all calls of the running
    site. Setup configures the bucket.
    """

    SIGNER = "signer"
    WORKER = "worker"
    SETUP = "setup"


class Feature(StrEnum):
    """Names a part of the site that requires additional permissions."""

    UPLOADS = "uploads"
    QUARANTINE = "quarantine"
    VERSIONS = "versions"
    NOTIFICATIONS = "notifications"
    KMS = "kms"


class Place(StrEnum):
    """Names the kind of resource that a permission is for.

    SOURCE is the object that CopyObject reads.
    """

    BUCKET = "bucket"
    OBJECTS = "objects"
    SOURCE = "source"
    QUEUE = "queue"
    KEY = "key"


ACTIONS: Mapping[str, tuple[tuple[str, Place], ...]] = {
    "AbortMultipartUpload": (("s3:AbortMultipartUpload", Place.OBJECTS),),
    "CompleteMultipartUpload": (("s3:PutObject", Place.OBJECTS),),
    "CopyObject": (("s3:GetObject", Place.SOURCE), ("s3:PutObject", Place.OBJECTS)),
    "CreateBucket": (("s3:CreateBucket", Place.BUCKET),),
    "CreateMultipartUpload": (("s3:PutObject", Place.OBJECTS),),
    "DeleteBucketCors": (("s3:PutBucketCORS", Place.BUCKET),),
    "DeleteBucketEncryption": (("s3:PutEncryptionConfiguration", Place.BUCKET),),
    "DeleteBucketLifecycle": (("s3:PutLifecycleConfiguration", Place.BUCKET),),
    "DeleteBucketOwnershipControls": (("s3:PutBucketOwnershipControls", Place.BUCKET),),
    "DeleteBucketPolicy": (("s3:DeleteBucketPolicy", Place.BUCKET),),
    "DeleteMessage": (("sqs:DeleteMessage", Place.QUEUE),),
    "DeleteObject": (("s3:DeleteObject", Place.OBJECTS),),
    "DeleteObject?versionId": (("s3:DeleteObjectVersion", Place.OBJECTS),),
    "DeletePublicAccessBlock": (("s3:PutBucketPublicAccessBlock", Place.BUCKET),),
    "GetBucketCors": (("s3:GetBucketCORS", Place.BUCKET),),
    "GetBucketEncryption": (("s3:GetEncryptionConfiguration", Place.BUCKET),),
    "GetBucketLifecycleConfiguration": (
        ("s3:GetLifecycleConfiguration", Place.BUCKET),
    ),
    "GetBucketNotificationConfiguration": (("s3:GetBucketNotification", Place.BUCKET),),
    "GetBucketOwnershipControls": (("s3:GetBucketOwnershipControls", Place.BUCKET),),
    "GetBucketPolicy": (("s3:GetBucketPolicy", Place.BUCKET),),
    "GetBucketVersioning": (("s3:GetBucketVersioning", Place.BUCKET),),
    "GetObject": (("s3:GetObject", Place.OBJECTS),),
    "GetObject?versionId": (("s3:GetObjectVersion", Place.OBJECTS),),
    "GetPublicAccessBlock": (("s3:GetBucketPublicAccessBlock", Place.BUCKET),),
    "GetQueueAttributes": (("sqs:GetQueueAttributes", Place.QUEUE),),
    "HeadBucket": (("s3:ListBucket", Place.BUCKET),),
    "HeadObject": (("s3:GetObject", Place.OBJECTS),),
    "ListMultipartUploads": (("s3:ListBucketMultipartUploads", Place.BUCKET),),
    "ListObjectVersions": (("s3:ListBucketVersions", Place.BUCKET),),
    "ListObjectsV2": (("s3:ListBucket", Place.BUCKET),),
    "ListParts": (("s3:ListMultipartUploadParts", Place.OBJECTS),),
    "PostObject": (("s3:PutObject", Place.OBJECTS),),
    "PutBucketCors": (("s3:PutBucketCORS", Place.BUCKET),),
    "PutBucketEncryption": (("s3:PutEncryptionConfiguration", Place.BUCKET),),
    "PutBucketLifecycleConfiguration": (
        ("s3:PutLifecycleConfiguration", Place.BUCKET),
    ),
    "PutBucketNotificationConfiguration": (("s3:PutBucketNotification", Place.BUCKET),),
    "PutBucketOwnershipControls": (("s3:PutBucketOwnershipControls", Place.BUCKET),),
    "PutBucketPolicy": (("s3:PutBucketPolicy", Place.BUCKET),),
    "PutObject": (("s3:PutObject", Place.OBJECTS),),
    "PutPublicAccessBlock": (("s3:PutBucketPublicAccessBlock", Place.BUCKET),),
    "ReceiveMessage": (("sqs:ReceiveMessage", Place.QUEUE),),
    "SetQueueAttributes": (("sqs:SetQueueAttributes", Place.QUEUE),),
    "UploadPart": (("s3:PutObject", Place.OBJECTS),),
}
"""The actions that each call requires, with the kind of their resource.

Source: AWS Service Authorization Reference, Amazon S3 and Amazon SQS.
"""

CALLS: Mapping[tuple[Identity, Feature], frozenset[str]] = {
    (Identity.SIGNER, Feature.UPLOADS): frozenset(
        {"PostObject", "PutObject", "UploadPart"}
    ),
    (Identity.WORKER, Feature.UPLOADS): frozenset(
        {
            "AbortMultipartUpload",
            "CompleteMultipartUpload",
            "CopyObject",
            "CreateMultipartUpload",
            "DeleteObject",
            "GetObject",
            "HeadBucket",
            "HeadObject",
            "ListMultipartUploads",
            "ListObjectVersions",
            "ListObjectsV2",
            "ListParts",
            "PutObject",
        }
    ),
    (Identity.WORKER, Feature.QUARANTINE): frozenset(
        {"CopyObject", "DeleteObject", "GetObject", "HeadObject"}
    ),
    (Identity.WORKER, Feature.VERSIONS): frozenset(
        {"DeleteObject?versionId", "GetObject?versionId"}
    ),
    (Identity.WORKER, Feature.NOTIFICATIONS): frozenset(
        {"DeleteMessage", "ReceiveMessage"}
    ),
    (Identity.SETUP, Feature.UPLOADS): frozenset(
        {
            "CreateBucket",
            "DeleteBucketCors",
            "DeleteBucketEncryption",
            "DeleteBucketLifecycle",
            "DeleteBucketOwnershipControls",
            "DeleteBucketPolicy",
            "DeleteObject",
            "DeletePublicAccessBlock",
            "GetBucketCors",
            "GetBucketEncryption",
            "GetBucketLifecycleConfiguration",
            "GetBucketOwnershipControls",
            "GetBucketPolicy",
            "GetBucketVersioning",
            "GetPublicAccessBlock",
            "HeadBucket",
            "PutBucketCors",
            "PutBucketEncryption",
            "PutBucketLifecycleConfiguration",
            "PutBucketOwnershipControls",
            "PutBucketPolicy",
            "PutObject",
            "PutPublicAccessBlock",
        }
    ),
    (Identity.SETUP, Feature.NOTIFICATIONS): frozenset(
        {
            "GetBucketNotificationConfiguration",
            "GetQueueAttributes",
            "PutBucketNotificationConfiguration",
            "SetQueueAttributes",
        }
    ),
}

KMS_ACTIONS: Mapping[str, tuple[str, ...]] = {
    "AbortMultipartUpload": (),
    "CompleteMultipartUpload": ("kms:Decrypt",),
    "CopyObject": ("kms:Decrypt", "kms:GenerateDataKey"),
    "CreateMultipartUpload": ("kms:GenerateDataKey",),
    "DeleteObject": (),
    "GetObject": ("kms:Decrypt",),
    "HeadBucket": (),
    "HeadObject": ("kms:Decrypt",),
    "ListParts": (),
    "PostObject": ("kms:GenerateDataKey",),
    "PutObject": ("kms:GenerateDataKey",),
    "UploadPart": ("kms:Decrypt", "kms:GenerateDataKey"),
}
"""The KMS actions that each call requires if a KMS key encrypts the objects."""


def features_of(facts: SiteFacts, *, is_versioned: bool = False) -> frozenset[Feature]:
    """Return the features that a site uses, according to its facts."""
    has = {
        Feature.UPLOADS: True,
        Feature.QUARANTINE: bool(facts.quarantine_prefix),
        Feature.VERSIONS: is_versioned,
        Feature.NOTIFICATIONS: bool(facts.queue_arn),
        Feature.KMS: bool(facts.kms_key),
    }
    return frozenset(feature for feature, wanted in has.items() if wanted)


def iam_policy(
    identity: Identity, facts: SiteFacts, features: Iterable[Feature]
) -> Document:
    """Return the IAM policy that allows an identity exactly the calls that it makes."""
    grants: dict[str, set[str]] = {}
    for action, resource in _grants(identity, facts, frozenset(features)):
        grants.setdefault(action, set()).add(resource)
    by_resources: dict[tuple[str, ...], list[str]] = {}
    for action, resources in sorted(grants.items()):
        by_resources.setdefault(tuple(sorted(resources)), []).append(action)
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": actions, "Resource": list(resources)}
            for resources, actions in sorted(by_resources.items())
        ],
    }


def _grants(
    identity: Identity, facts: SiteFacts, features: frozenset[Feature]
) -> Iterator[tuple[str, str]]:
    for (caller, feature), calls in CALLS.items():
        if caller != identity or feature not in features:
            continue
        for call in calls:
            for action, place in ACTIONS[call]:
                yield action, _resource(place, identity, feature, facts)
            if Feature.KMS in features:
                for action in KMS_ACTIONS.get(call, ()):
                    yield action, facts.kms_key


def _resource(
    place: Place, identity: Identity, feature: Feature, facts: SiteFacts
) -> str:
    if place == Place.BUCKET:
        return facts.bucket_arn
    if place == Place.QUEUE:
        return facts.queue_arn
    if identity == Identity.SETUP:
        return facts.objects_arn(facts.doctor_prefix)
    if feature == Feature.QUARANTINE and place != Place.SOURCE:
        return facts.objects_arn(facts.quarantine_prefix)
    return facts.objects_arn(facts.key_prefix)
