"""Reads an object in large blocks, and keeps the last few blocks in memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

BLOCK = 128 * 1024
MAX_BLOCKS = 16

Read = Callable[[int, int], bytes]
"""A function that takes a start and a length, and returns at most ``length`` bytes."""


class Readable(Protocol):
    """Content of a known size that can be read from any position."""

    byte_size: int

    def read(self, start: int, length: int) -> bytes:
        """Return ``length`` bytes from ``start``, or fewer at the end."""
        ...


class BlockReader:
    """Reads whole blocks and caches the last few, so that small reads are fast."""

    def __init__(
        self,
        read: Read,
        byte_size: int,
        *,
        head: bytes = b"",
        block: int = BLOCK,
        max_blocks: int = MAX_BLOCKS,
    ) -> None:
        self.byte_size = byte_size
        self._head = head
        self._read = read
        self._block = block
        self._max_blocks = max_blocks
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def read(self, start: int, length: int) -> bytes:
        """Return ``length`` bytes from ``start``, or fewer at the object's end."""
        end = min(start + length, self.byte_size)
        if start < 0 or start >= end:
            return b""
        if end <= len(self._head):
            return self._head[start:end]
        first, last = start // self._block, (end - 1) // self._block
        run = b"".join([self._block_of(number) for number in range(first, last + 1)])
        skip = start - first * self._block
        return run[skip : skip + end - start]

    def _block_of(self, number: int) -> bytes:
        if number in self._blocks:
            self._blocks.move_to_end(number)
            return self._blocks[number]
        start = number * self._block
        found = self._read(start, min(self._block, self.byte_size - start))
        self._blocks[number] = found
        if len(self._blocks) > self._max_blocks:
            self._blocks.popitem(last=False)
        return found


class Window:
    """Reads a part of a larger file as if it were a separate file."""

    def __init__(self, read: Read, start: int, byte_size: int) -> None:
        self.byte_size = byte_size
        self._read = read
        self._start = start

    def read(self, start: int, length: int) -> bytes:
        """Return ``length`` bytes from ``start``, or fewer at the window's end."""
        length = min(length, self.byte_size - start)
        if start < 0 or length < 1:
            return b""
        return self._read(self._start + start, length)


class InMemory:
    """Reads bytes in memory as if they were a file."""

    def __init__(self, content: bytes) -> None:
        self.byte_size = len(content)
        self._content = content

    def read(self, start: int, length: int) -> bytes:
        """Return ``length`` bytes from ``start``, or fewer at the end."""
        return self._content[start : start + length] if start >= 0 else b""
