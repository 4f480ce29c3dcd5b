"""Stores the positions of a ZIP archive's entries compactly, and sorts them."""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from uploads.inspection.zip_directory import (
    LOCAL,
    BrokenArchive,
    Directory,
    Entry,
)

ENCRYPTED_METHOD, OTHER_METHOD = 254, 255
NO_LIMIT = 2**64


@dataclass(frozen=True, slots=True)
class Place:
    """The position of an entry in the file, as the list of contents states it.

    ``following`` is the start of the next entry. For the last entry it is the start of
    the list, which normally comes after all entries.
    """

    start: int
    stored_bytes: int
    method: int
    following: int
    link: Entry | None

    @property
    def least_end(self) -> int:
        """The end of the entry's data if its local header is as short as possible."""
        return self.start + LOCAL.size + self.stored_bytes


class Contents:
    """The positions of all entries of one list."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._links: dict[int, Entry] = {}
        self._starts = array("Q")
        self._sizes = array("Q")
        self._methods = bytearray()
        self._is_sorted = True

    def add(self, entry: Entry) -> None:
        """Store an entry's position. Raises BrokenArchive if it exceeds 64 bits."""
        if self._starts and entry.header_start < self._starts[-1]:
            self._is_sorted = False
        if entry.is_symlink:
            self._links[len(self._starts)] = entry
        try:
            self._starts.append(entry.header_start)
            self._sizes.append(entry.stored_bytes)
        except OverflowError:
            raise BrokenArchive from None
        method = ENCRYPTED_METHOD if entry.is_encrypted else entry.method
        self._methods.append(min(method, OTHER_METHOD))

    def in_file_order(self) -> Iterator[Place]:
        """Yield the entries' positions in ascending order."""
        count = min(len(self._starts), len(self._sizes), len(self._methods))
        order: Iterable[int] = range(count)
        if not self._is_sorted:
            order = sorted(order, key=self._starts.__getitem__)
        last = None
        for index in order:
            if last is not None:
                yield self._place(last, self._starts[index])
            last = index
        if last is not None:
            list_start = self._directory.start
            ahead = self._starts[last] < list_start
            yield self._place(last, list_start if ahead else NO_LIMIT)

    def _place(self, index: int, following: int) -> Place:
        return Place(
            start=self._starts[index],
            stored_bytes=self._sizes[index],
            method=self._methods[index],
            following=following,
            link=self._links.get(index),
        )


def in_file_order(lists: Iterable[Contents]) -> Iterator[Place]:
    """Yield the positions of several lists, merged in ascending order."""
    places = [contents.in_file_order() for contents in lists]
    return heapq.merge(*places, key=lambda place: place.start)
