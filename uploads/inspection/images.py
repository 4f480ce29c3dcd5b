"""Refuses images that need too much memory to open, and images that contain pages."""

from __future__ import annotations

import re
import struct

from uploads.inspection.active_content import SVG
from uploads.inspection.extensions import IMAGES, extension_of
from uploads.inspection.ranges import BlockReader
from uploads.inspection.verdicts import ACCEPTED, Sample, Verdict, refused

Size = tuple[int, int]

HEADER_BYTES = 32
MAX_SEGMENTS = 20_000
MAX_METADATA_BYTES = 32 * 1024**2
"""A JPEG has its width and height after its metadata, which consists of segments.

The inspector refuses images whose metadata exceeds these limits. Images from cameras
have a few hundred segments.
"""

SEGMENTS_AT_ONCE = 64 * 1024
FAR_APART = 1024**2
"""Within the first FAR_APART bytes of a JPEG, each read has SEGMENTS_AT_ONCE bytes.

Each later read has FAR_APART bytes.
"""

SEGMENT = struct.Struct(">BBH")
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
NO_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
FILL_BYTES = frozenset({0x00, 0xFF})
GARBAGE_AT_ONCE = 4096
END_OF_HEADERS = frozenset({0xD9, 0xDA})

# Tags of a page or a script. Normal images do not contain them. Image metadata (XMP) is
# XML too, but its tags do not match, because they have a prefix, such as <rdf:li>.
PAGE = re.compile(
    rb"<(?:!doctype\s+html|html|body|script|iframe|svg)[\s/>]|<\?php\b", re.IGNORECASE
)


class ImageInspector:
    """Refuses images with no pixels, with too many pixels, or with tags of a page."""

    name = "Images"
    slow = False

    def __init__(self, *, max_megapixels: int = 1000) -> None:
        self.max_megapixels = max_megapixels

    def wants(self, sample: Sample) -> bool:
        kind = _kind_of(sample)
        return kind.startswith("image/") and kind != SVG

    def inspect(self, sample: Sample) -> Verdict:
        if PAGE.search(sample.head):
            return refused(
                "This image contains parts of a web page or a script. Save it again "
                "with an image editor, then upload it again."
            )
        try:
            size = measure(sample)
        except SizeTooFarBackError:
            return refused(
                "This image has too much metadata to be checked. Save it again without "
                "metadata, then upload it again."
            )
        if size is None:
            return ACCEPTED
        width, height = size
        if not width or not height:
            return refused(
                f"This image has no pixels ({width} x {height}). Save it again, then "
                "upload it again."
            )
        if width * height > self.max_megapixels * 1_000_000:
            return refused(
                f"This image has {width:,} x {height:,} pixels, and programs that open "
                f"it can run out of memory. The limit is {self.max_megapixels:,} "
                "megapixels. Make the image smaller, then upload it again."
            )
        return ACCEPTED


class SizeTooFarBackError(Exception):
    """The JPEG has more metadata before its width and height than the limits allow."""


def measure(sample: Sample) -> Size | None:
    """Return the width and height from the header, or None if the header has none.

    Raises SizeTooFarBackError for a JPEG with too much metadata.
    """
    kind = _kind_of(sample)
    if kind == "image/jpeg":
        return _jpeg(sample)
    how = MEASURES.get(kind)
    return how(sample.head[:HEADER_BYTES]) if how else None


def _kind_of(sample: Sample) -> str:
    """Return the type that an image viewer uses for the file.

    If the first bytes of a GIF image are all printable, the detected type is a text
    type. But a viewer opens the file as an image, because of the ending of its name.
    """
    if sample.head.startswith((b"GIF87a", b"GIF89a")) and (
        extension_of(sample.filename) in IMAGES
    ):
        return "image/gif"
    return sample.detected_type


def _png(head: bytes) -> Size | None:
    return _pair(">II", head, 16) if head[12:16] == b"IHDR" else None


def _gif(head: bytes) -> Size | None:
    return _pair("<HH", head, 6)


def _bmp(head: bytes) -> Size | None:
    if not head.startswith(b"BM"):  # a bitmap without a file header, from a clipboard
        return None
    if head[14:18] == b"\x0c\x00\x00\x00":
        return _pair("<HH", head, 18)
    size = _pair("<ii", head, 18)
    # A negative height means that the rows are stored from the top down.
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


def _jpeg(sample: Sample) -> Size | None:
    near = BlockReader(
        sample.read, sample.byte_size, head=sample.head, block=SEGMENTS_AT_ONCE
    )
    far = BlockReader(sample.read, sample.byte_size, head=sample.head, block=FAR_APART)
    at = 2
    for _ in range(MAX_SEGMENTS):
        if at > MAX_METADATA_BYTES:
            break
        file = near if at < FAR_APART else far
        header = file.read(at, SEGMENT.size)
        if len(header) < SEGMENT.size:
            return None
        lead, marker, length = SEGMENT.unpack(header)
        if lead != 0xFF:  # no marker here, so skip to the next marker, as viewers do
            at += _distance_to_marker(file.read(at, GARBAGE_AT_ONCE))
        elif marker in FILL_BYTES:
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
    raise SizeTooFarBackError


def _distance_to_marker(garbage: bytes) -> int:
    found = garbage.find(b"\xff", 1)
    return found if found > 0 else max(1, len(garbage))


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
