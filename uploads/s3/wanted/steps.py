"""Lists the wanted settings in the order in which setup applies them to a bucket.

Setup is the identity that configures the bucket.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from uploads.s3.wanted import documents, policy
from uploads.s3.wanted.documents import Document
from uploads.s3.wanted.merging import put_rule, same
from uploads.s3.wanted.site_facts import SiteFacts

Merge = Callable[[Document | None], Document]


@dataclass(frozen=True)
class Step:
    """Describes one wanted setting of the bucket.

    ``merge`` takes the existing document, or None, and returns the wanted document.
    ``trial`` does the same, but the returned setting applies only to probe objects.
    Setup tests the result of ``trial`` first. ``left_out`` is the reason why this site
    must not get the setting, or empty. ``is_risk`` is true if this reason is a risk
    that the operator should remove, for example an endpoint without TLS.
    """

    name: str
    title: str
    document: str
    merge: Merge
    trial: Merge | None = None
    left_out: str = ""
    is_risk: bool = False


def steps(facts: SiteFacts, *, is_versioned: bool = False) -> list[Step]:
    """Return all settings that a site with these facts wants."""
    return [
        Step("cors", "CORS for the site's pages", "cors", _cors(facts)),
        Step("public_access", "Block Public Access", "public_access", _public),
        Step("ownership", "Object ownership: no ACLs", "ownership", _ownership),
        *_encryption(facts),
        *_lifecycle(facts, is_versioned=is_versioned),
        *_policy(facts),
        *_notifications(facts),
    ]


def _cors(facts: SiteFacts) -> Merge:
    wanted = documents.cors_rule(facts)

    def is_ours(rule: Document) -> bool:
        # Some servers do not store the ID of a rule. Then a rule is ours if all its
        # values except the origins are equal to ours.
        unnamed = {**wanted, "AllowedOrigins": rule.get("AllowedOrigins")}
        del unnamed["ID"]
        return bool(rule.get("ID") == documents.CORS_ID) or same(rule, unnamed)

    def merge(found: Document | None) -> Document:
        rules = (found or {}).get("CORSRules", [])
        return {"CORSRules": put_rule(rules, wanted, is_ours=is_ours)}

    return merge


def _public(_: Document | None) -> Document:
    return documents.public_access_block()


def _ownership(_: Document | None) -> Document:
    return documents.ownership()


def _encryption(facts: SiteFacts) -> list[Step]:
    def first_rule(found: Document | None) -> Document:
        rules = (found or {}).get("Rules") or [{}]
        return dict(rules[0])

    def default(found: Document | None) -> Document:
        rule = first_rule(found)
        wanted = documents.default_encryption(facts)
        if not _is_good_enough(rule, wanted, facts):
            rule |= wanted
        return {"Rules": [rule]}

    def blocked(found: Document | None) -> Document:
        rule = first_rule(found)
        if not rule.get("ApplyServerSideEncryptionByDefault"):
            rule |= documents.default_encryption(facts)
        return {
            "Rules": [rule | {"BlockedEncryptionTypes": documents.blocked_encryption()}]
        }

    return [
        Step("encryption", "Default encryption", "encryption", default),
        Step("sse_c", "SSE-C blocked", "encryption", blocked),
    ]


def _is_good_enough(rule: Document, wanted: Document, facts: SiteFacts) -> bool:
    """Return whether the existing default encryption is at least as strict as wanted.

    If the site wants no KMS key, every existing encryption suffices. So setup never
    removes an operator's KMS key.
    """
    found = rule.get("ApplyServerSideEncryptionByDefault", {})
    if not facts.kms_key:
        return bool(found.get("SSEAlgorithm"))
    key = str(found.get("KMSMasterKeyID", ""))
    is_key = key == facts.kms_key or key.endswith(f":key/{facts.kms_key}")
    return is_key and str(found.get("SSEAlgorithm", "")).startswith("aws:kms")


def _lifecycle(facts: SiteFacts, *, is_versioned: bool) -> list[Step]:
    wanted = {
        "abort": ("Incomplete uploads expire", documents.abort_rule(facts)),
        "incoming": (
            "Objects under incoming keys expire",
            documents.incoming_rule(facts),
        ),
        "doctor": ("The doctor's probe objects expire", documents.doctor_rule(facts)),
    }
    if facts.quarantine_prefix:
        rule = documents.quarantine_rule(facts)
        wanted["quarantine"] = ("Quarantined files expire", rule)
    if is_versioned:
        rule = documents.noncurrent_rule(facts)
        wanted["noncurrent"] = ("Versions of deleted files expire", rule)
    return [
        Step(f"lifecycle.{name}", title, "lifecycle", _lifecycle_rule(rule))
        for name, (title, rule) in wanted.items()
    ]


def _lifecycle_rule(wanted: Document) -> Merge:
    unnamed = {key: value for key, value in wanted.items() if key != "ID"}

    def is_ours(rule: Document) -> bool:
        return bool(rule.get("ID") == wanted["ID"]) or (
            same({k: v for k, v in rule.items() if k != "ID"}, unnamed)
        )

    def merge(found: Document | None) -> Document:
        rules = (found or {}).get("Rules", [])
        return {**(found or {}), "Rules": put_rule(rules, wanted, is_ours=is_ours)}

    return merge


def _policy(facts: SiteFacts) -> list[Step]:
    opened = ", ".join(facts.open_endpoints)
    found = [
        _statement(
            facts,
            "policy.tls",
            "Plain HTTP refused",
            policy.tls_only(facts),
            left_out="This rule would refuse the site's own requests to "
            f"{opened}, because they do not use HTTPS."
            if opened
            else "",
        ),
        _statement(
            facts,
            "policy.sigv4",
            "Signature version 2 refused",
            policy.sigv4_only(facts),
        ),
        _statement(
            facts, "policy.age", "Old URLs refused", policy.short_urls_only(facts)
        ),
    ]
    if facts.organisation:
        statement = policy.organisation_only(facts)
        found.append(
            _statement(
                facts,
                "policy.organisation",
                "Identities outside of the organisation refused",
                statement,
            )
        )
    if facts.network:
        for name, title, statement in (
            (
                "policy.network",
                "Calls of worker and setup from other networks refused",
                policy.network_only(facts),
            ),
            (
                "policy.network_reads",
                "Reads of the worker from other networks refused",
                policy.network_reads_only(facts),
            ),
        ):
            found.append(_statement(facts, name, title, statement))
    return found


def _statement(
    facts: SiteFacts, name: str, title: str, statement: Document, left_out: str = ""
) -> Step:
    return Step(
        name,
        title,
        "policy",
        _with_statement(statement),
        trial=_with_statement(policy.on_probes_only(statement, facts)),
        left_out=left_out,
        is_risk=bool(left_out) and not facts.is_local,
    )


def _with_statement(statement: Document) -> Merge:
    def is_ours(other: Document) -> bool:
        return bool(other.get("Sid") == statement["Sid"])

    def merge(found: Document | None) -> Document:
        before: Document = found or {"Version": "2012-10-17"}
        rules = before.get("Statement", [])
        rules = [rules] if isinstance(rules, dict) else rules
        return {**before, "Statement": put_rule(rules, statement, is_ours=is_ours)}

    return merge


def _notifications(facts: SiteFacts) -> list[Step]:
    if not facts.queue_arn:
        return []
    wanted = documents.notification(facts)

    def is_ours(rule: Document) -> bool:
        return bool(rule.get("Id") == documents.NOTIFICATION_ID)

    def merge(found: Document | None) -> Document:
        before: dict[str, Any] = found or {}
        queues = before.get("QueueConfigurations", [])
        rules = put_rule(queues, wanted, is_ours=is_ours)
        return {**before, "QueueConfigurations": rules}

    return [
        Step(
            "queue_policy",
            "The queue accepts S3's messages",
            "queue_policy",
            _with_statement(policy.queue_accepts(facts)),
        ),
        Step("notifications", "Notifications to SQS", "notifications", merge),
    ]
