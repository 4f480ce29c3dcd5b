"""Write infra/terraform/rendered/, the settings of the bucket as Terraform templates.

The settings come from uploads/s3/wanted, which the commands setup_bucket and iam_policy
also use. The templates have variables in place of values that differ between sites.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from uploads.s3.wanted import documents, policy
from uploads.s3.wanted.access import Feature, Identity, iam_policy
from uploads.s3.wanted.site_facts import SiteFacts

FOLDER = Path(__file__).resolve().parent.parent / "infra" / "terraform" / "rendered"

ORIGIN = "https://origin.invalid"
DAYS: Mapping[str, int] = {
    "abort_after_days": 900_001,
    "quarantine_days": 900_002,
    "noncurrent_days": 900_003,
}
"""Numbers that occur nowhere else in the settings, so ``template`` can replace them."""

FACTS = SiteFacts(
    bucket="the-bucket",
    origins=(ORIGIN,),
    key_prefix="the-prefix/",
    quarantine_prefix="the-quarantine/",
    kms_key="the-kms-key",
    queue_arn="the-queue-arn",
    organisation="the-organisation",
    abort_after_days=DAYS["abort_after_days"],
    quarantine_days=DAYS["quarantine_days"],
    noncurrent_days=DAYS["noncurrent_days"],
)
VARIABLES: Mapping[str, str] = {
    FACTS.bucket_arn: "${bucket_arn}",
    FACTS.key_prefix: "${key_prefix}",
    FACTS.quarantine_prefix: "${quarantine_prefix}",
    FACTS.kms_key: "${kms_key_arn}",
    FACTS.queue_arn: "${queue_arn}",
    FACTS.organisation: "${organisation_id}",
    **{str(number): f"${{{name}}}" for name, number in DAYS.items()},
}


def bucket() -> dict[str, Any]:
    """Return the settings that the site wants for its bucket, by name."""
    return {
        "cors": documents.cors_rule(FACTS),
        "public_access_block": documents.public_access_block(),
        "ownership": documents.ownership(),
        "encryption": {
            "sse_s3": documents.default_encryption(SiteFacts("x", ())),
            "kms": documents.default_encryption(FACTS),
        },
        "blocked_encryption": documents.blocked_encryption(),
        "lifecycle": {
            "abort": documents.abort_rule(FACTS),
            "incoming": documents.incoming_rule(FACTS),
            "doctor": documents.doctor_rule(FACTS),
            "quarantine": documents.quarantine_rule(FACTS),
            "noncurrent": documents.noncurrent_rule(FACTS),
        },
        "policy": {
            "tls": policy.tls_only(FACTS),
            "sigv4": policy.sigv4_only(FACTS),
            "age": policy.short_urls_only(FACTS),
            "organisation": policy.organisation_only(FACTS),
        },
        "notification": documents.notification(FACTS),
    }


def iam() -> dict[str, Any]:
    """Return the IAM statements of signer and worker for each feature."""
    return {
        identity.value: {
            feature.value: _statements(identity, feature) for feature in Feature
        }
        for identity in (Identity.SIGNER, Identity.WORKER)
    }


def _statements(identity: Identity, feature: Feature) -> list[dict[str, Any]]:
    if feature == Feature.KMS:
        everything = iam_policy(identity, FACTS, Feature)["Statement"]
        return [part for part in everything if part["Resource"] == [FACTS.kms_key]]
    found: list[dict[str, Any]] = iam_policy(identity, FACTS, {feature})["Statement"]
    return found


def queue() -> dict[str, Any]:
    """Return the policy of the queue that receives notifications."""
    return {"Version": "2012-10-17", "Statement": [policy.queue_accepts(FACTS)]}


def template(document: Mapping[str, Any]) -> str:
    """Return ``document`` as a Terraform template that renders to JSON."""
    text = json.dumps(document, indent=2)
    # The list of origins has an unknown length, so Terraform renders the whole list.
    text = re.sub(rf'\[\s*"{re.escape(ORIGIN)}"\s*\]', "${jsonencode(origins)}", text)
    for value, variable in VARIABLES.items():
        text = text.replace(value, variable)
    return text + "\n"


def rendered() -> dict[str, str]:
    """Return the content of each file in FOLDER, by file name."""
    return {
        "bucket.json.tftpl": template(bucket()),
        "iam.json.tftpl": template(iam()),
        "queue.json.tftpl": template(queue()),
    }


if __name__ == "__main__":
    for name, text in rendered().items():
        (FOLDER / name).write_text(text)
        print(FOLDER / name)
