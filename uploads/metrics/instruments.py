"""Defines the counters and histograms of this process.

Each label must have only a few possible values, and users must not be able to choose
values. So no label contains a path, a filename, an account or an IP address.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

REGISTRY = CollectorRegistry(auto_describe=True)

_REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_S3_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)
_PRESIGN_SECONDS = (
    *(0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025),
    *(0.005, 0.01, 0.025, 0.1, 0.5, 2.5),
)

requests = Counter(
    "slipway_requests",
    "Requests that the site has answered, by route, method and class of the status, "
    "such as 2xx.",
    ["route", "method", "status"],
    registry=REGISTRY,
)
request_seconds = Histogram(
    "slipway_request_seconds",
    "Seconds from the first middleware to the answer, by route.",
    ["route"],
    buckets=_REQUEST_SECONDS,
    registry=REGISTRY,
)
upload_moves = Counter(
    "slipway_upload_moves",
    "Uploads that entered a state. The label reason is the cause of a rejection.",
    ["state", "transport", "reason"],
    registry=REGISTRY,
)
upload_bytes = Counter(
    "slipway_upload_bytes",
    "Bytes of the uploads that entered a state.",
    ["state", "transport"],
    registry=REGISTRY,
)
presigned_urls = Counter(
    "slipway_presigned_urls",
    "Presigned URLs and forms that the site has signed, by kind.",
    ["kind"],
    registry=REGISTRY,
)
presign_seconds = Histogram(
    "slipway_presign_seconds",
    "Seconds to sign the URLs of one request, by kind.",
    ["kind"],
    buckets=_PRESIGN_SECONDS,
    registry=REGISTRY,
)
s3_calls = Counter(
    "slipway_s3_calls",
    "Calls to S3 by verb and final result. Retries of a call are not counted.",
    ["verb", "result"],
    registry=REGISTRY,
)
s3_call_seconds = Histogram(
    "slipway_s3_call_seconds",
    "Seconds that a call to S3 took with all its retries, by verb.",
    ["verb"],
    buckets=_S3_SECONDS,
    registry=REGISTRY,
)
