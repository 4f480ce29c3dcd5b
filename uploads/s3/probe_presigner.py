"""Signs requests that only the doctor sends, to test how S3 answers bad requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from uploads.s3.credentials import Credentials
from uploads.s3.presigner import Presigner
from uploads.s3.signature import presigned_url
from uploads.s3.signed import SignedRequest


class ProbePresigner(Presigner):
    """A presigner that signs every kind of request. Only the doctor uses it."""

    def any_request(
        self,
        method: str,
        key: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        byte_size: int | None = None,
        expires_in: int = 300,
    ) -> SignedRequest:
        """Sign a request for ``key``, or for the bucket if ``key`` is empty."""
        scope, seconds, expires_at = self._scope(expires_in)
        sent = dict(headers or {})
        signed = {name.lower(): value for name, value in sent.items()}
        if byte_size is not None:
            signed["content-length"] = str(byte_size)
        url = presigned_url(
            method=method,
            target=self._target(key),
            query=query,
            headers=signed,
            scope=scope,
            expires_in=seconds,
        )
        return SignedRequest(method, url, sent, expires_at)

    def credentials(self) -> Credentials:
        """Return the current credentials, or raise StorageUnavailable."""
        return self._credentials()

    def for_host(self, host: str) -> ProbePresigner:
        """Return a copy that signs the Host header ``host``.

        The URLs of the copy still begin with the endpoint's origin, not with ``host``.
        """
        return self._changed(_host=host)

    def at(self, difference: timedelta) -> ProbePresigner:
        """Return a copy that signs as if the time were later by ``difference``."""
        return self._changed(_clock=lambda: datetime.now(UTC) + difference)

    def _changed(self, **attributes: object) -> ProbePresigner:
        made = ProbePresigner.__new__(ProbePresigner)
        made.__dict__.update({**self.__dict__, **attributes})
        return made
