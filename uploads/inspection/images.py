"""Images that say they are too large to be opened, and images that are pages too."""

from __future__ import annotations

import re
import struct

from uploads.inspection.declared_type import MARKUP
from uploads.inspection.ranges import BlockReader
from uploads.inspection.verdicts import ACCEPTED, Sample, Verdict, refused

Size = tuple[int, int]

HEADER_BYTES = 32
MAX_SEGMENTS = 500
"""JPEG puts its size behind its metadata, in pieces of 64 KiB at most."""

SEGMENTS_AT_ONCE = 64 * 1024

SEGMENT = struct.Struct(">BBH")
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
NO_LENGTH = frozenset({0x01, *range(0xD0, 0xD8)})
END_OF_HEADERS = frozenset({0xD9, 0xDA})

# What begins a page or a script, and stands in the head of no picture: metadata
# (XMP) is XML too, but each of its elements has a prefix.
PAGE = re.compile(
    rb"<(?:!doctype\s+html|html|body|script|iframe|svg)[\s/>]|<\?php\b", re.IGNORECASE
)


class ImageInspector:
    """Refuses images without an extent or over ``max_megapixels``, and polyglots."""

    name = "Images"
    slow = False

    def __init__(self, *, max_megapixels: int = 500) -> None:
        self.max_megapixels = max_megapixels

    def wants(self, sample: Sample) -> bool:
        detected = sample.detected_type
        return detected.startswith("image/") and detected not in MARKUP

    def inspect(self, sample: Sample) -> Verdict:
        if PAGE.search(sample.head):
            return refused(
                "It is an image and a web page at once: no camera makes such."
            )
        size = measure(sample)
        if size is None:
            return ACCEPTED
        width, height = size
        if not width or not height:
            return refused(
                f"This image is {width} x {height} pixels: there is nothing."
            )
        if width * height > self.max_megapixels * 1_000_000:
            return refused(
                f"This image is {width:,} x {height:,} pixels; {self.max_megapixels} "
                "megapixels is the most that may be."
            )
        return ACCEPTED


def measure(sample: Sample) -> Size | None:
    """Return width and height as the header says; None for what does not say them."""
    if sample.detected_type == "image/jpeg":
        file = BlockReader(
            sample.read, sample.byte_size, head=sample.head, block=SEGMENTS_AT_ONCE
        )
        return _jpeg(file)
    how = MEASURES.get(sample.detected_type)
    return how(sample.head[:HEADER_BYTES]) if how else None


def _png(head: bytes) -> Size | None:
    return _pair(">II", head, 16) if head[12:16] == b"IHDR" else None


def _gif(head: bytes) -> Size | None:
    return _pair("<HH", head, 6)


def _bmp(head: bytes) -> Size | None:
    if head[14:18] == b"\x0c\x00\x00\x00":
        return _pair("<HH", head, 18)
    size = _pair("<ii", head, 18)
    # Rows from the top down are told by a negative height.
    return (abs(size[0]), abs(size[1])) if size else None


def _webp(head: bytes) -> Size | None:
    kind = head[12:16]
    if kind == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        size = _pair("<HH", head, 26)
        return (size[0] & 0x3FFF, size[1] & 0x3FFF) if size else None
    if kind == b"VP8L" and len(head) >= 25:
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X" and len(head) >= 30:
        width, height = head[24:27], head[27:30]
        return int.from_bytes(width, "little") + 1, int.from_bytes(height, "little") + 1
    return None


def _jpeg(file: BlockReader) -> Size | None:
    at = 2
    for _ in range(MAX_SEGMENTS):
        header = file.read(at, SEGMENT.size)
        if len(header) < SEGMENT.size or header[0] != 0xFF:
            return None
        _, marker, length = SEGMENT.unpack(header)
        if marker == 0xFF:  # a fill byte
            at += 1
        elif marker in NO_LENGTH:
            at += 2
        elif marker in END_OF_HEADERS:
            return None
        elif marker in FRAMES:
            size = _pair(">HH", file.read(at + 5, 4), 0)
            return (size[1], size[0]) if size else None
        else:
            at += 2 + length
    return None


def _pair(form: str, head: bytes, at: int) -> Size | None:
    if len(head) < at + struct.calcsize(form):
        return None
    first, second = struct.unpack_from(form, head, at)
    return int(first), int(second)


MEASURES = {
    "image/bmp": _bmp,
    "image/gif": _gif,
    "image/png": _png,
    "image/webp": _webp,
}
