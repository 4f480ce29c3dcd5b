"""Measures the unpacked size of a gzip file. Unpacks it piece by piece in memory."""

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
"""Number of packed bytes that zlib gets at a time.

The number is small, because zlib copies the unused rest of the bytes at each step.
"""

INLINE_BYTES = 8 * 1024**2
"""Gzip files with more packed bytes are always inspected in the background."""

INLINE_UNPACKED = 128 * 1024**2
NOTE = (
    "The gzip file was not unpacked to its end, so its unpacked size was not checked."
)


def unpacked_bytes(sample: Sample, *, enough: int) -> int:
    """Return the number of bytes to which a gzip file unpacks.

    Stops unpacking when the number exceeds ``enough``. Returns 0 if the file is too
    small to reach ``enough``. A gzip file may have several members, and this function
    adds up their sizes. Like unpackers, it stops at bytes that are no gzip member. It
    does not use the size at the end of the file, because this size may be false. Raises
    OverBudget.
    """
    if sample.byte_size * DEFLATE_RATIO <= enough:
        return 0
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
    """Yield the length of each unpacked piece. Raises zlib.error."""
    stream = zlib.decompressobj(GZIP)
    for piece in _slices(sample):
        left = piece
        while left:
            if stream.eof:
                left = left.lstrip(b"\0")  # some programs pad with zeros
                stream = zlib.decompressobj(GZIP)
            yield len(stream.decompress(left, PIECE))
            left = stream.unused_data or stream.unconsumed_tail


def _slices(sample: Sample) -> Iterator[bytes]:
    for start in range(0, sample.byte_size, PIECE):
        piece = sample.read(start, min(PIECE, sample.byte_size - start))
        for at in range(0, len(piece), SLICE):
            yield piece[at : at + SLICE]
