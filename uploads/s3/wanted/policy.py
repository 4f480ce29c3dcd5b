"""The bucket policy: it refuses requests that the site never makes."""

from __future__ import annotations

from typing import Any

from uploads.s3.presigner import MAX_EXPIRES_IN
from uploads.s3.wanted.documents import Document
from uploads.s3.wanted.site_facts import Network, SiteFacts

TLS_SID = "SlipwayTlsOnly"
SIGV4_SID = "SlipwaySigV4Only"
AGE_SID = "SlipwayShortUrlsOnly"
ORGANISATION_SID = "SlipwayOrganisationOnly"
NETWORK_SID = "SlipwayNetworkOnly"
NETWORK_READS_SID = "SlipwayNetworkReadsOnly"
QUEUE_SID = "SlipwayBucketSends"

READS = ["s3:GetObject", "s3:GetObjectVersion"]
WAY_BACK = ["s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"]
"""Actions that stay allowed from every network, so that setup can undo the policy."""


def tls_only(facts: SiteFacts) -> Document:
    """Refuse plain HTTP."""
    return _deny(facts, TLS_SID, {"Bool": {"aws:SecureTransport": "false"}})


def sigv4_only(facts: SiteFacts) -> Document:
    """Refuse signatures before version 4, which leave the method and headers unsigned."""
    condition = {"StringNotEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"}}
    return _deny(facts, SIGV4_SID, condition)


def short_urls_only(facts: SiteFacts) -> Document:
    """Refuse URLs and forms that are older than the site's longest expiry.

    S3 checks the age when a request begins, so slow uploads are not interrupted.
    """
    return {
        "Sid": AGE_SID,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": facts.objects_arn(),
        "Condition": {
            "NumericGreaterThan": {"s3:signatureAge": str(MAX_EXPIRES_IN * 1000)},
            "StringEquals": {"s3:authType": ["REST-QUERY-STRING", "POST"]},
        },
    }


def organisation_only(facts: SiteFacts) -> Document:
    """Refuse identities outside the organisation, except AWS services."""
    condition = {
        "StringNotEquals": {"aws:PrincipalOrgID": facts.organisation},
        "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
    }
    return _deny(facts, ORGANISATION_SID, condition)


def network_only(facts: SiteFacts) -> Document:
    """Refuse the worker and setup from other networks, except for reads."""
    statement = _deny(facts, NETWORK_SID, _elsewhere(facts.network))
    del statement["Action"]
    return statement | {"NotAction": [*READS, *WAY_BACK]}


def network_reads_only(facts: SiteFacts) -> Document:
    """Refuse the worker's own reads from other networks.

    Downloads stay allowed: the worker signs their URLs, and browsers in any network
    open them.
    """
    condition = _elsewhere(facts.network)
    names = {**condition.get("StringNotEquals", {}), "s3:authType": "REST-QUERY-STRING"}
    statement = _deny(facts, NETWORK_READS_SID, condition | {"StringNotEquals": names})
    return statement | {"Action": READS, "Resource": facts.objects_arn()}


def queue_accepts(facts: SiteFacts) -> Document:
    """Allow S3 to send messages to the queue, only for this bucket."""
    return {
        "Sid": QUEUE_SID,
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": facts.queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": facts.bucket_arn}},
    }


def on_probes_only(statement: Document, facts: SiteFacts) -> Document:
    """Return the statement limited to probe objects, to test it without any risk.

    A server may treat an unknown condition as always true. A statement about the
    whole bucket would then refuse its own removal.
    """
    tried = {k: v for k, v in statement.items() if k not in {"NotAction", "Action"}}
    return tried | {
        "Action": ["s3:GetObject", "s3:PutObject"],
        "Resource": facts.objects_arn(facts.doctor_prefix),
    }


def _elsewhere(network: Network) -> Document:
    # All conditions must hold, and a missing key counts as a different value. So a
    # request is refused if it comes from none of the addresses and none of the
    # endpoints.
    condition: Document = {"ArnLike": {"aws:PrincipalArn": list(network.principals)}}
    if network.source_addresses:
        condition["NotIpAddress"] = {"aws:SourceIp": list(network.source_addresses)}
    if network.vpc_endpoints:
        condition["StringNotEquals"] = {"aws:SourceVpce": list(network.vpc_endpoints)}
    return condition


def _deny(facts: SiteFacts, sid: str, condition: dict[str, Any]) -> Document:
    return {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [facts.bucket_arn, facts.objects_arn()],
        "Condition": condition,
    }
