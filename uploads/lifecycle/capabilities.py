"""Reads from the database what the doctor has measured about the storage provider."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog
from django.conf import settings

from uploads.models import BucketFact
from uploads.states import Algorithm, Transport

logger = structlog.get_logger("slipway.storage")

PROMISE = "promise."
"""Prefix in the names of the doctor's results. The values are ``yes`` and ``no``."""
YES, NO = "yes", "no"
REMEMBERED_SECONDS = 60

_COMPARES = {
    Transport.PUT: "contract.put.other_bytes",
    Transport.POST: "contract.post.other_bytes",
    Transport.MULTIPART: "contract.multipart.other_bytes",
    # If the server copies an object, the storage computes the checksum of the copy. The
    # site trusts this checksum if the storage compares the bytes of a PUT.
    Transport.FORM: "contract.put.other_bytes",
    Transport.COPY: "contract.put.other_bytes",
}
_SAFE_FORMS = (
    "contract.post.right",
    "contract.post.too_long",
    "contract.post.other_bytes",
    "contract.post.other_key",
    "contract.post.second_use",
    "cors.form",
)
_CRC64NVME = "contract.crc64nvme."
_COMPARES_CRC64NVME = {
    **dict.fromkeys(_COMPARES, f"{_CRC64NVME}other_bytes"),
    Transport.MULTIPART: f"{_CRC64NVME}other_part",
}


@dataclass(frozen=True)
class Capabilities:
    """The doctor's results. ``promises`` maps the name of each test to yes or no."""

    promises: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_certified(self) -> bool:
        """Return whether the doctor has tested this bucket."""
        return bool(self.promises)

    def compares_bytes(
        self, transport: str, algorithm: str = Algorithm.SHA256.value
    ) -> bool:
        """Return whether the storage refuses bytes that do not match their checksum."""
        is_crc = algorithm == Algorithm.CRC64NVME
        names = _COMPARES_CRC64NVME if is_crc else _COMPARES
        return self.promises.get(names[Transport(transport)]) == YES

    @property
    def lacks_crc64nvme(self) -> bool:
        """Return whether the storage has failed a test of the doctor for CRC64NVME."""
        return any(
            value == NO
            for name, value in self.promises.items()
            if name.startswith(_CRC64NVME)
        )

    @property
    def puts_create_only(self) -> bool:
        """Return whether the storage refuses a second PUT to the same URL."""
        return self.promises.get("contract.put.second_use") == YES

    @property
    def joins_create_only(self) -> bool:
        """Return whether the storage refuses to join parts if the key has an object."""
        return self.promises.get("contract.multipart.taken") == YES

    @property
    def forms_are_safe(self) -> bool:
        """Return whether the site's pages may use POST forms in place of PUTs.

        A form has no If-None-Match, so a form that is sent twice stores the object a
        second time. This is safe only if the storage refuses each changed form, and if
        the object keeps its ETag and version. The CORS rule must also allow the site's
        pages to send forms and to read the answers.
        """
        return all(self.promises.get(name) == YES for name in _SAFE_FORMS)

    @property
    def lacks_forms(self) -> bool:
        """Return whether the storage has refused a correct POST form of the doctor."""
        return self.promises.get("contract.post.right") == NO


def place() -> str:
    """Return the text in ``BucketFact.place`` for the site's endpoint and bucket."""
    return f"{settings.S3_ENDPOINT_URL or 'aws'} {settings.S3_BUCKET}"[:400]


def capabilities() -> Capabilities:
    """Return the capabilities of the site's bucket, cached in this process for 60 s."""
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
    """Clear the cache, so that the next call reads the database."""
    _remembered.clear()


_remembered: dict[str, tuple[float, Capabilities]] = {}
