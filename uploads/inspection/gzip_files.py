"""How far a gzip file unpacks: it is unpacked in pieces, and no piece is kept."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from uploads.inspection.budget import OverBudget
from uploads.inspection.verdicts import Sample
from uploads.inspection.zip_directory import DEFLATE_RATIO

MAGIC = b"\x1f\x8b"
GZIP = 16 + zlib.MAX_WBITS
PIECE = 1024**2
SLICE = 16 * 1024
"""Bytes that are unpacked at a time: what remains of them is copied at each step."""

INLINE_BYTES = 8 * 1024**2
"""A larger file is left to the background at once."""

INLINE_UNPACKED = 128 * 1024**2
NOTE = "The gzip file was not unpacked to its end."


def unpacked_bytes(sample: Sample, *, enough: int) -> int:
    """Return how many bytes a gzip file unpacks to; at most a little over ``enough``.

    All members count. Bytes that are no gzip end the file, as they do for unpackers.
    The size that the file states at its end is not used: it may be false. Raises
    OverBudget.
    """
    if sample.byte_size * DEFLATE_RATIO <= enough:
        return 0  # cannot reach it
    if sample.budget.is_inline and sample.byte_size > INLINE_BYTES:
        raise OverBudget(NOTE)
    total = 0
    try:
        for count in _pieces(sample):
            total += count
            if total > enough:
                break
            if sample.budget.is_inline and total > INLINE_UNPACKED:
                raise OverBudget(NOTE)
            sample.budget.check()
    except zlib.error:
        pass
    except OverBudget as error:
        raise OverBudget(NOTE) from error
    return total


def _pieces(sample: Sample) -> Iterator[int]:
    """Yield the lengths of the pieces that the file unpacks to. Raises zlib.error."""
    stream = zlib.decompressobj(GZIP)
    for piece in _slices(sample):
        left = piece
        while left:
            if stream.eof:
                left = left.lstrip(b"\0")  # some programs fill up with zeros
                stream = zlib.decompressobj(GZIP)
            yield len(stream.decompress(left, PIECE))
            left = stream.unused_data or stream.unconsumed_tail


def _slices(sample: Sample) -> Iterator[bytes]:
    for start in range(0, sample.byte_size, PIECE):
        piece = sample.read(start, min(PIECE, sample.byte_size - start))
        for at in range(0, len(piece), SLICE):
            yield piece[at : at + SLICE]
