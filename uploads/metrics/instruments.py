"""The counters and histograms of this process.

Every label has few values, and users cannot choose them. So no label contains a path,
a filename, an account or an address.
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
    "Requests by the name of their route, method and class of status.",
    ["route", "method", "status"],
    registry=REGISTRY,
)
request_seconds = Histogram(
    "slipway_request_seconds",
    "Seconds from the first middleware to the answer, by the name of the route.",
    ["route"],
    buckets=_REQUEST_SECONDS,
    registry=REGISTRY,
)
upload_moves = Counter(
    "slipway_upload_moves",
    "Uploads that entered a state. reason: the cause of a refusal.",
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
    "Presigned URLs and forms that were handed out, by kind.",
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
    "Calls to S3 by verb and result, after retries.",
    ["verb", "result"],
    registry=REGISTRY,
)
s3_call_seconds = Histogram(
    "slipway_s3_call_seconds",
    "Seconds of a call to S3, retries included, by verb.",
    ["verb"],
    buckets=_S3_SECONDS,
    registry=REGISTRY,
)
