"""Chooses the algorithm of an upload's checksums.

The setting UPLOADS_CHECKSUM names the algorithm that the page uses. The site always
accepts SHA-256, because some clients of the API know only SHA-256.
"""

from __future__ import annotations

from typing import Any

from uploads.conf import options
from uploads.errors import InvalidRequest
from uploads.lifecycle.capabilities import capabilities
from uploads.models import Upload
from uploads.s3.checksums import ALL, CRC64NVME, SHA256, Checksums, checksums_named
from uploads.states import Algorithm, Transport

NOT_SET = (
    "This site accepts only SHA-256. Send checksum_sha256. To accept CRC64NVME, the "
    "site needs the setting UPLOADS_CHECKSUM=crc64nvme."
)
NOT_VERIFIED = (
    "The storage of this site does not verify CRC64NVME, so the setting "
    "UPLOADS_CHECKSUM=crc64nvme has no effect. Send checksum_sha256."
)
FORMS = "A form needs a SHA-256. Send checksum_sha256."


def checksums_of(upload: Upload) -> Checksums:
    """Return the algorithm of an upload's checksums."""
    return checksums_named(upload.checksum_algorithm)


def declared_checksum(upload: Upload) -> str:
    """Return the checksum that was declared for the file, or ``""``."""
    return checksums_of(upload).of(upload)


def offered() -> Checksums:
    """Return the algorithm that the page uses for new uploads.

    If the doctor has seen that the storage does not verify CRC64NVME, the result is
    SHA-256.
    """
    return SHA256 if _objection() else CRC64NVME


def page_uses_forms() -> bool:
    """Return whether the page sends its small files with POST forms.

    The browser sends no CORS preflight before a form, so a small file needs one round
    trip less than with a PUT. A form needs a SHA-256.
    """
    return offered() is SHA256 and capabilities().forms_are_safe


def require_accepted(checksums: Checksums) -> None:
    """Raise InvalidRequest if the site does not accept checksums of this algorithm."""
    if checksums is CRC64NVME and (words := _objection()):
        raise _refused(words)


def choose_checksums(declaration: Any, transport: Transport) -> Checksums:
    """Return the algorithm of a new upload. The declared checksums decide.

    If the client declared both checksums, the result is SHA-256. A multipart upload may
    start without a checksum, because the client announces a checksum for each part
    later. Without a checksum, the result is the algorithm that the page uses. Raises
    InvalidRequest if the site or the transport needs another checksum.
    """
    if transport in {Transport.FORM, Transport.COPY} or SHA256.of(declaration):
        return SHA256
    if CRC64NVME.of(declaration):
        if transport == Transport.POST:
            raise _refused(FORMS)
        require_accepted(CRC64NVME)
        return CRC64NVME
    wanted = SHA256 if transport == Transport.POST else offered()
    if transport == Transport.MULTIPART:
        return wanted
    words = (
        f"An upload with the transport {transport.value} needs this checksum. Send "
        f"the file's {_label(wanted)} in base64. Encode the raw bytes of the checksum, "
        "not the hex digits."
    )
    raise InvalidRequest(fields={wanted.attribute: [words]})


def recorded_checksums(
    declaration: Any, checksums: Checksums, transport: Transport
) -> dict[str, str]:
    """Return the row's fields for the checksums of a new upload.

    For a multipart object, S3 returns only a SHA-256 of the parts' hashes. So the site
    cannot verify a declared SHA-256 of the file, and does not record it.
    """
    is_verifiable = transport != Transport.MULTIPART or checksums is CRC64NVME
    declared = checksums.of(declaration) if is_verifiable else ""
    others = {one.attribute: "" for one in ALL}
    return {
        **others,
        "checksum_algorithm": checksums.algorithm.value,
        checksums.attribute: declared,
    }


def differs(upload: Upload, declaration: Any) -> bool:
    """Return whether ``declaration`` has another checksum than the existing upload.

    A checksum that only one of the two has is not a difference.
    """
    return any(
        one.of(declaration) and one.of(upload) and one.of(declaration) != one.of(upload)
        for one in ALL
    )


def _objection() -> str:
    """Return why the site does not accept CRC64NVME, or ``""``."""
    if options().checksum != Algorithm.CRC64NVME:
        return NOT_SET
    return NOT_VERIFIED if capabilities().lacks_crc64nvme else ""


def _refused(words: str) -> InvalidRequest:
    return InvalidRequest(words, fields={CRC64NVME.attribute: [words]})


def _label(checksums: Checksums) -> str:
    return str(checksums.algorithm.label)
