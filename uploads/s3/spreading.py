"""Spreads upload URLs over several host names of one bucket.

Over HTTP/1.1, a browser opens at most six connections to a host. With two host names,
it opens up to twelve connections. So uploads are faster if each connection is slow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar
from zlib import crc32

from uploads.s3.presigner import Presigner
from uploads.s3.signed import ObjectToSign, PartToSign, SignedPost, SignedRequest

Wanted = TypeVar("Wanted")
Signed = TypeVar("Signed")


class SpreadPresigner(Presigner):
    """A presigner whose uploads use the hosts of all ``endpoint_urls`` in turn.

    Neighbouring parts get different hosts. A new URL for a part has the same host as
    the old one. Forms of pages without JavaScript and downloads use the first host.
    """

    def __init__(self, *, endpoint_urls: Sequence[str], **arguments: Any) -> None:
        super().__init__(endpoint_url=endpoint_urls[0], **arguments)
        self.hosts = [Presigner(endpoint_url=url, **arguments) for url in endpoint_urls]

    def put_objects(
        self, objects: Iterable[ObjectToSign], **common: Any
    ) -> list[SignedRequest]:
        """Return a PUT request for each object. Its key selects the host."""
        return self._spread(
            list(objects), _number, lambda host, mine: host.put_objects(mine, **common)
        )

    def post_objects(
        self, objects: Iterable[ObjectToSign], **common: Any
    ) -> list[SignedPost]:
        """Return a form for each object. Its key selects the host."""
        return self._spread(
            list(objects), _number, lambda host, mine: host.post_objects(mine, **common)
        )

    def upload_parts(
        self, *, parts: Iterable[PartToSign], **upload: Any
    ) -> list[SignedRequest]:
        """Return a signed PUT request for each part. Its number selects the host."""
        return self._spread(
            list(parts),
            lambda part: part.part_number - 1,
            lambda host, mine: host.upload_parts(parts=mine, **upload),
        )

    def _spread(
        self,
        wanted: list[Wanted],
        number_of: Callable[[Wanted], int],
        sign: Callable[[Presigner, list[Wanted]], list[Signed]],
    ) -> list[Signed]:
        """Let the hosts sign in turn, and return the results in the order of wanted."""
        signed: dict[int, Signed] = {}
        turns = [number_of(one) % len(self.hosts) for one in wanted]
        for turn, host in enumerate(self.hosts):
            places = [place for place, other in enumerate(turns) if other == turn]
            if places:
                results = sign(host, [wanted[place] for place in places])
                signed.update(zip(places, results, strict=True))
        return [signed[place] for place in range(len(wanted))]


def _number(wanted: ObjectToSign) -> int:
    return crc32(wanted.key.encode())
