"""Finds symbolic links in an archive that lead out of the unpacked folder."""

from __future__ import annotations

import bz2
import zlib
from collections import defaultdict
from collections.abc import Callable

from uploads.inspection.ranges import Readable
from uploads.inspection.zip_directory import DEFLATED, STORED, Entry
from uploads.inspection.zip_names import ABSOLUTE, parts

MAX_TARGET = 4096
"""Maximum length of a link's target in bytes, on all operating systems."""

MAX_HOPS = 40
"""Operating systems do not follow longer chains of links."""

STEPS, STEPS_PER_LINK = 10_000, 200
"""Maximum number of steps to resolve all links: STEPS, plus STEPS_PER_LINK a link.

Normal archives need far fewer steps.
"""

CHECK_EVERY = 1000

BZIP2 = 12
ROUNDS = 5

Path = tuple[bytes, ...]


class TooTangled(Exception):  # noqa: N818  as in errors.py
    """The links need too many steps to be resolved."""


def read_target(file: Readable, entry: Entry, data_start: int) -> bytes | None:
    """Return the target of a link, or None if it is unreadable or too long."""
    data = file.read(data_start, min(entry.stored_bytes, MAX_TARGET + 64))
    try:
        if entry.is_encrypted:
            return None
        if entry.method == DEFLATED:
            data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, MAX_TARGET + 1)
        elif entry.method == BZIP2:
            data = bz2.BZ2Decompressor().decompress(data, MAX_TARGET + 1)
        elif entry.method != STORED:
            return None
    except (zlib.error, OSError):
        return None
    return data if len(data) <= MAX_TARGET else None


class Links:
    """Collects the links of one archive, and follows them.

    Calls ``check`` every CHECK_EVERY steps. ``check`` may raise OverBudget.
    """

    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check
        self._links: list[tuple[Path, bytes, bytes]] = []
        self._targets: defaultdict[Path, set[bytes]] = defaultdict(set)
        self._steps = 0

    def __bool__(self) -> bool:
        return bool(self._links)

    def add(self, name: bytes, target: bytes) -> None:
        """Add a link by its name in the archive."""
        if len(name) <= MAX_TARGET:
            # On Windows and macOS, names that differ only in case mean the same file.
            key = _key(parts(name))
            self._links.append((key, name, target))
            self._targets[key].add(target)

    def find_leaving(self) -> tuple[bytes, bytes] | None:
        """Return the name and the target of a link that leads outside, or None.

        Some unpackers create links and files in the order of the entries. Others create
        all links after all files. If the path of a link contains another link, the two
        orders put the link into two different folders. This function follows the link
        from both folders. Raises TooTangled.
        """
        places = self._places()
        for key, name, target in self._links:
            if any(self._leaves(folder, target) for folder in places[key]):
                return name, target
        return None

    def _places(self) -> dict[Path, set[Path]]:
        """Return the folders in which unpackers may create each link."""
        places = {key: {key[:-1]} for key, _, _ in self._links}
        for _ in range(ROUNDS):
            known = len(self._targets)
            for key, _, target in self._links:
                for folder in self._resolve((), list(key[:-1]), MAX_HOPS):
                    if folder is not None:
                        places[key].add(folder)
                        self._targets[(*folder, *key[-1:])].add(target)
            if len(self._targets) == known:
                break
        return places

    def _leaves(self, folder: Path, target: bytes) -> bool:
        if ABSOLUTE.match(target):
            return True
        ends = self._resolve(folder, list(_key(parts(target))), MAX_HOPS)
        return None in ends

    def _resolve(self, at: Path, rest: list[bytes], hops: int) -> set[Path | None]:
        """Return every path to which ``rest`` may lead from ``at``.

        None in the result means a path outside of the archive.
        """
        for index, part in enumerate(rest):
            self._count_step()
            if part == b"..":
                if not at:
                    return {None}
                at = at[:-1]
                continue
            at = (*at, part)
            if at in self._targets:
                return self._follow(at, rest[index + 1 :], hops)
        return {at}

    def _count_step(self) -> None:
        self._steps += 1
        if self._steps > STEPS + STEPS_PER_LINK * len(self._links):
            raise TooTangled
        if self._steps % CHECK_EVERY == 0:
            self._check()

    def _follow(self, link: Path, rest: list[bytes], hops: int) -> set[Path | None]:
        if not hops:
            return set()  # operating systems refuse to follow so many links
        ends: set[Path | None] = set()
        for target in tuple(self._targets[link]):
            if ABSOLUTE.match(target):
                return {None}
            ahead = [*_key(parts(target)), *rest]
            ends |= self._resolve(link[:-1], ahead, hops - 1)
        return ends


def _key(folders: list[bytes]) -> Path:
    return tuple(
        part.decode("utf-8", "replace").casefold().encode() for part in folders
    )
