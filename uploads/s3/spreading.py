"""Spreads upload URLs over several host names of one bucket.

Over HTTP/1.1, a browser opens at most six connections to a host. With two host names,
it opens up to twelve connections. So uploads are faster if each connection is slow.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from zlib import crc32

from uploads.s3.presigner import Presigner
from uploads.s3.signed import PartToSign, SignedPost, SignedRequest


class SpreadPresigner(Presigner):
    """A presigner whose uploads use the hosts of all ``endpoint_urls`` in turn.

    Neighbouring parts get different hosts. A new URL for a part has the same host as
    the old one. Forms of pages without JavaScript and downloads use the first host.
    """

    def __init__(self, *, endpoint_urls: Sequence[str], **arguments: Any) -> None:
        super().__init__(endpoint_url=endpoint_urls[0], **arguments)
        self.hosts = [Presigner(endpoint_url=url, **arguments) for url in endpoint_urls]

    def put_object(self, *, key: str, **declared: Any) -> SignedRequest:
        """Return a signed PUT request. The host of its URL depends on the key."""
        return self._turn(crc32(key.encode())).put_object(key=key, **declared)

    def post_object(self, *, key: str, **declared: Any) -> SignedPost:
        """Return a signed form. The host of its URL depends on the key."""
        return self._turn(crc32(key.encode())).post_object(key=key, **declared)

    def upload_parts(
        self, *, parts: Iterable[PartToSign], **upload: Any
    ) -> list[SignedRequest]:
        """Return a signed PUT request for each part. Its number selects the host."""
        wanted = list(parts)
        signed: dict[int, SignedRequest] = {}
        for host in self.hosts:
            mine = [part for part in wanted if self._turn(part.part_number - 1) is host]
            requests = host.upload_parts(parts=mine, **upload) if mine else []
            for part, request in zip(mine, requests, strict=True):
                signed[part.part_number] = request
        return [signed[part.part_number] for part in wanted]

    def _turn(self, number: int) -> Presigner:
        return self.hosts[number % len(self.hosts)]
