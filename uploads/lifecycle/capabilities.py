"""Capabilities of the bucket's provider, as the doctor measured them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog
from django.conf import settings

from uploads.models import BucketFact
from uploads.states import Transport

logger = structlog.get_logger("slipway.storage")

PROMISE = "promise."
"""Names of facts that begin so are results of the doctor: ``yes``, ``no``."""
YES, NO = "yes", "no"
REMEMBERED_SECONDS = 60

_COMPARES = {
    Transport.PUT: "contract.put.other_bytes",
    Transport.POST: "contract.post.other_bytes",
    Transport.MULTIPART: "contract.multipart.other_bytes",
    # The server's copies: their checksum comes from the storage alone.
    Transport.FORM: "contract.put.other_bytes",
    Transport.COPY: "contract.put.other_bytes",
}


@dataclass(frozen=True)
class Capabilities:
    """Results of the doctor, by the name of the question."""

    promises: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_certified(self) -> bool:
        """Whether a doctor has tested this bucket."""
        return bool(self.promises)

    def compares_bytes(self, transport: str) -> bool:
        """Return whether the storage refuses bytes that differ from their SHA-256."""
        return self.promises.get(_COMPARES[Transport(transport)]) == YES

    @property
    def puts_create_only(self) -> bool:
        """Whether a second PUT by the same URL is refused."""
        return self.promises.get("contract.put.second_use") == YES

    @property
    def joins_create_only(self) -> bool:
        """Whether joining parts never replaces an object."""
        return self.promises.get("contract.multipart.taken") == YES

    @property
    def lacks_forms(self) -> bool:
        """Whether a doctor saw the provider refuse a POST form."""
        return self.promises.get("contract.post.right") == NO


def place() -> str:
    """Return the endpoint and the bucket that the site uses."""
    return f"{settings.S3_ENDPOINT_URL or 'aws'} {settings.S3_BUCKET}"[:400]


def capabilities() -> Capabilities:
    """Return what the site's bucket can do. Read again after a minute at the latest."""
    here, now = place(), time.monotonic()
    remembered = _remembered.get(here)
    if remembered is not None and now < remembered[0]:
        return remembered[1]
    rows = BucketFact.objects.filter(place=here, name__startswith=PROMISE)
    found = Capabilities(
        {
            name.removeprefix(PROMISE): value
            for name, value in rows.values_list("name", "value")
        }
    )
    if remembered is None and not found.is_certified:
        logger.warning("bucket.uncertified", place=here, fix="Run manage.py doctor.")
    _remembered[here] = (now + REMEMBERED_SECONDS, found)
    return found


def forget_capabilities() -> None:
    """Let the next call read them again."""
    _remembered.clear()


_remembered: dict[str, tuple[float, Capabilities]] = {}
