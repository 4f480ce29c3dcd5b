"""Tells a page why it cannot send to the bucket, if this server can prove the cause."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http import HttpRequest
from ninja import Router

from uploads.api import schemas
from uploads.api.paying import Pays, announced_bytes
from uploads.doctor.shared_faults import shared, tell_operators
from uploads.doctor.storage_faults import (
    Fault,
    fault_of_refusal,
    faults_of_origin,
    faults_of_size,
    proved,
)
from uploads.errors import InvalidRequest
from uploads.s3.bucket_config import origins_of_settings

router = Router()

MAX_BODY_BYTES = 1024
MIB = 1024 * 1024
MAX_ANNOUNCED = 5 * 1024 * MIB
"""The largest body that S3 accepts in one request: 5 GiB."""
SIZE_PAUSE_SECONDS = 5


@router.post(
    "/storage-faults",
    response=schemas.StorageFaultsOut,
    tags=["faults"],
    throttle=Pays("report"),
)
def report_storage_fault(request: HttpRequest, body: schemas.StorageFaultBody) -> Any:
    """Report that this browser cannot send to the bucket, and get the proved causes.

    The server examines only its own configured S3 endpoint. It logs each cause at most
    once in five minutes.
    """
    if announced_bytes(request) > MAX_BODY_BYTES:
        raise InvalidRequest(
            f"The report is too large; the limit is {MAX_BODY_BYTES} bytes."
        )
    origin = _origin(request)
    found = shared(f"origin {origin}", partial(faults_of_origin, origin))
    is_examining = found is None
    known = list(found or [])
    if found == [] and body.seen == ["blocked"] and body.byte_size:
        limited = _faults_of_size(body.byte_size)
        is_examining = limited is None
        known += limited or []
    if "refused" in body.seen:
        known.append(fault_of_refusal(body.status or 0, body.storage_code or ""))
    faults = [] if is_examining else proved(body.seen, known)
    tell_operators(faults)
    return {"faults": faults, "examining": is_examining}


def _faults_of_size(byte_size: int) -> list[Fault] | None:
    """Return the faults for request bodies of this size, or None while the test runs.

    The size is rounded down to whole MiB, so that files of similar sizes share one
    result.
    """
    size = min(byte_size // MIB * MIB or byte_size, MAX_ANNOUNCED)
    name = f"size {size}"
    return shared(name, partial(faults_of_size, size), pause=SIZE_PAUSE_SECONDS)


def _origin(request: HttpRequest) -> str:
    """Return the origin of the page that sent the report.

    Use the header Origin if it has this site's host or is an origin in the settings.
    Otherwise, build the origin from the request. The header is better, because it has
    the correct scheme. The request seems to use HTTP if a proxy receives HTTPS and does
    not tell this server.
    """
    host = request.get_host()
    sent = request.headers.get("Origin", "")
    own = {f"http://{host}", f"https://{host}"}
    is_ours = sent in own or sent in origins_of_settings()
    return sent if is_ours else f"{request.scheme}://{host}"
