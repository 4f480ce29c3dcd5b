"""Contains the statements of the bucket policy. They refuse unwanted requests.

The worker is the identity that makes the calls of the site. Setup is the identity that
configures the bucket.
"""

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
"""Actions that network_only does not refuse.

If the policy names a wrong network, setup can call these actions from any network to
correct the policy.
"""


def tls_only(facts: SiteFacts) -> Document:
    """Return the statement that refuses requests over HTTP without TLS."""
    return _deny(facts, TLS_SID, {"Bool": {"aws:SecureTransport": "false"}})


def sigv4_only(facts: SiteFacts) -> Document:
    """Return the statement that refuses signatures of versions before 4.

    A signature of version 2 does not cover all headers that our URLs must sign.
    """
    condition = {"StringNotEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"}}
    return _deny(facts, SIGV4_SID, condition)


def short_urls_only(facts: SiteFacts) -> Document:
    """Return the statement that refuses old presigned URLs and forms.

    A URL is old if it was signed more than MAX_EXPIRES_IN seconds ago. S3 checks the
    age when a request begins, so it does not interrupt a slow upload.
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
    """Return the statement that refuses identities outside of the AWS organisation.

    It does not refuse AWS services.
    """
    condition = {
        "StringNotEquals": {"aws:PrincipalOrgID": facts.organisation},
        "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
    }
    return _deny(facts, ORGANISATION_SID, condition)


def network_only(facts: SiteFacts) -> Document:
    """Return the statement that limits the worker and setup to the site's networks.

    S3 refuses their calls from all other networks, except reads of objects and the
    actions in WAY_BACK.
    """
    statement = _deny(facts, NETWORK_SID, _elsewhere(facts.network))
    del statement["Action"]
    return statement | {"NotAction": [*READS, *WAY_BACK]}


def network_reads_only(facts: SiteFacts) -> Document:
    """Return the statement that refuses the worker's own reads from other networks.

    It does not refuse presigned URLs. The worker signs the URLs of downloads, and
    browsers in any network use these URLs.
    """
    condition = _elsewhere(facts.network)
    names = {**condition.get("StringNotEquals", {}), "s3:authType": "REST-QUERY-STRING"}
    statement = _deny(facts, NETWORK_READS_SID, condition | {"StringNotEquals": names})
    return statement | {"Action": READS, "Resource": facts.objects_arn()}


def queue_accepts(facts: SiteFacts) -> Document:
    """Return the queue's statement that lets S3 send messages about this bucket."""
    return {
        "Sid": QUEUE_SID,
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": facts.queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": facts.bucket_arn}},
    }


def on_probes_only(statement: Document, facts: SiteFacts) -> Document:
    """Return the statement limited to probe objects, for a safe test.

    Some servers treat each unknown condition as true. On such a server, a statement
     about the whole bucket would also refuse the call that removes it.
    """
    tried = {k: v for k, v in statement.items() if k not in {"NotAction", "Action"}}
    return tried | {
        "Action": ["s3:GetObject", "s3:PutObject"],
        "Resource": facts.objects_arn(facts.doctor_prefix),
    }


def _elsewhere(network: Network) -> Document:
    # S3 refuses a request only if all these conditions are true. A condition with "Not"
    # is also true if the request has no such value, for example no VPC endpoint. So S3
    # accepts a request if its address or its VPC endpoint is in the lists.
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
