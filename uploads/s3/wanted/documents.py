"""Returns the wanted document of each bucket setting, except the bucket policy.

A document is the value of a setting, in the format of boto3.
"""

from __future__ import annotations

from typing import Any

from uploads.s3.checksums import CRC64NVME, SHA256
from uploads.s3.wanted.site_facts import SiteFacts

Document = dict[str, Any]

CORS_ID = "slipway-browser"
CORS_METHODS = ("PUT", "POST", "GET", "HEAD")
CORS_HEADERS = (
    "content-type",
    "content-disposition",
    "if-none-match",
    SHA256.header,
    CRC64NVME.header,
)
"""Headers that the page sends with an upload, because the upload URL signs them."""


def headers_sent(checksum: str) -> list[str]:
    """Return the headers that the page sends if UPLOADS_CHECKSUM has this value.

    For crc64nvme, the result also contains the header of SHA-256. The page still sends
    SHA-256 for uploads that started before this setting was changed.
    """
    is_left_out = checksum != CRC64NVME.algorithm
    return [h for h in CORS_HEADERS if not (is_left_out and h == CRC64NVME.header)]


ABORT_ID = "slipway-abort-incomplete"
INCOMING_ID = "slipway-incoming"
DOCTOR_ID = "slipway-doctor"
QUARANTINE_ID = "slipway-quarantine"
NONCURRENT_ID = "slipway-noncurrent"
NOTIFICATION_ID = "slipway-created"

INCOMING_DAYS = 3
DOCTOR_DAYS = 1


def cors_rule(facts: SiteFacts) -> Document:
    """Return the CORS rule that allows only the site's pages to send and read files."""
    return {
        "ID": CORS_ID,
        "AllowedOrigins": list(facts.origins),
        "AllowedMethods": list(CORS_METHODS),
        "AllowedHeaders": list(CORS_HEADERS),
        "MaxAgeSeconds": 3600,
    }


def abort_rule(facts: SiteFacts) -> Document:
    """Return the rule that deletes the parts of incomplete multipart uploads."""
    return {
        "ID": ABORT_ID,
        "Status": "Enabled",
        "Filter": {"Prefix": facts.key_prefix},
        "AbortIncompleteMultipartUpload": {
            "DaysAfterInitiation": facts.abort_after_days
        },
    }


def incoming_rule(facts: SiteFacts) -> Document:
    """Return the rule that deletes objects of forms without JavaScript.

    The site normally copies and deletes such an object when the file has arrived. The
    rule deletes the objects that the site did not delete.
    """
    return _expiring(INCOMING_ID, facts.incoming_prefix, INCOMING_DAYS)


def doctor_rule(facts: SiteFacts) -> Document:
    """Return the rule that deletes the probe objects of the doctor and of setup.

    Normally, the doctor, setup or the sweeper deletes a probe object. The rule deletes
    those that remain.
    """
    return _expiring(DOCTOR_ID, facts.doctor_prefix, DOCTOR_DAYS)


def quarantine_rule(facts: SiteFacts) -> Document:
    """Return the rule that deletes old quarantined objects."""
    return _expiring(QUARANTINE_ID, facts.quarantine_prefix, facts.quarantine_days)


def noncurrent_rule(facts: SiteFacts) -> Document:
    """Return the rule that deletes noncurrent versions of objects."""
    return {
        "ID": NONCURRENT_ID,
        "Status": "Enabled",
        "Filter": {"Prefix": facts.key_prefix},
        "Expiration": {"ExpiredObjectDeleteMarker": True},
        "NoncurrentVersionExpiration": {"NoncurrentDays": facts.noncurrent_days},
    }


def _expiring(name: str, prefix: str, days: int) -> Document:
    return {
        "ID": name,
        "Status": "Enabled",
        "Filter": {"Prefix": prefix},
        "Expiration": {"Days": days},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
    }


def public_access_block() -> Document:
    """Return the four flags that block public access by any ACL or bucket policy."""
    return {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": True,
        "RestrictPublicBuckets": True,
    }


def ownership() -> Document:
    """Return the ownership rule that turns off ACLs."""
    return {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


def default_encryption(facts: SiteFacts) -> Document:
    """Return the default encryption of new objects."""
    if facts.kms_key:
        return {
            "ApplyServerSideEncryptionByDefault": {
                "SSEAlgorithm": "aws:kms",
                "KMSMasterKeyID": facts.kms_key,
            },
            # With a bucket key, S3 makes one call to KMS for many objects.
            "BucketKeyEnabled": True,
        }
    return {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}


def blocked_encryption() -> Document:
    """Return the setting that blocks SSE-C (encryption with a key of the sender).

    The site does not know the sender's key, so it cannot read such an object.
    """
    return {"EncryptionType": ["SSE-C"]}


def notification(facts: SiteFacts) -> Document:
    """Return the configuration that makes S3 send a message for each new object."""
    return {
        "Id": NOTIFICATION_ID,
        "QueueArn": facts.queue_arn,
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {
            "Key": {"FilterRules": [{"Name": "prefix", "Value": facts.key_prefix}]}
        },
    }
