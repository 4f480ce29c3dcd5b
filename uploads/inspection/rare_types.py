"""Detects types that libmagic does not detect, by their first bytes.

All these types occurred in the real files of a test (docs/inspection.md, "Measured").
"""

from __future__ import annotations

import re

from uploads.inspection.content_types import PACKED

_BINARY_TYPES: tuple[tuple[bytes, str], ...] = (
    (rb"\x89PNG\r\n\x1a\n", "image/png"),
    (rb"PK\x03\x04|PK\x05\x06", PACKED),
    (rb"ID3[\x02-\x04]", "audio/mpeg"),
    (rb"RIFX....WAVE|riff\x2e\x91\xcf\x11", "audio/wav"),
    (rb"caff\x00\x01", "audio/x-caf"),
    (rb"dns\.", "audio/basic"),
    (rb".{4}ftypcrx ", "image/x-canon-cr3"),
    (rb"wvpk", "audio/x-wavpack"),
    (rb"TTA[12]", "audio/x-tta"),
    (rb"DSD |FRM8.{8}DSD ", "audio/x-dsd"),
    (rb"MPCK|MP\+", "audio/x-musepack"),
    (rb"\x7f\xfe\x80\x01|\xfe\x7f\x01\x80", "audio/vnd.dts"),
    (rb".{4}\xf8\x72\x6f[\xba\xbb]", "audio/vnd.dolby.mlp"),
    (rb"\x00\x00\x00\x01[\x27\x47\x67]", "video/h264"),
    (rb"\x00\x00\x00\x01\x40\x01", "video/h265"),
    (rb"DKIF\x00\x00", "video/x-ivf"),
    (rb"\xb7\xd8\x00\x20\x37\x49\xda\x11", "video/x-wtv"),
    (rb".{4}ftyp", "video/mp4"),
    (rb".{4}(?:free|mdat|moov|pnot|skip|wide)", "video/quicktime"),
    (rb"IIU\x00", "image/x-panasonic-rw2"),
    (rb"DDS \x7c\x00\x00\x00", "image/vnd-ms.dds"),
    (rb"#\?(?:RADIANCE|RGBE)\n", "image/vnd.radiance"),
    (rb"P[Ff]\n\d{1,9} \d{1,9}\n", "image/x-portable-floatmap"),
    (rb"\x01\xda[\x00\x01][\x01\x02]\x00[\x01-\x03]", "image/x-sgi"),
    (rb"\x59\xa6\x6a\x95", "image/x-sun-raster"),
    (rb".{522}\x00\x11\x02\xff", "image/x-pict"),
    (rb"\x09[\x00\x02\x04\x08][\x04\x06\x08\x10]\x00", "application/vnd.ms-excel"),
    (rb".{1,1019}%PDF-[12]\.\d", "application/pdf"),
)
_BINARY = re.compile(
    b"|".join(b"(%s)" % start for start, _ in _BINARY_TYPES), re.DOTALL
)
"""Matches the first bytes of all these types. Each type has one group."""

WRITTEN: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (
        re.compile(rb"P[1-6]\s++(?:#[^\n]{0,200}+\n\s*+){0,20}+\d{1,9}\s++\d{1,9}\s"),
        "image/x-portable-anymap",
    ),
    (re.compile(rb"/\* XPM \*/\s"), "image/x-xpixmap"),
    (
        re.compile(rb"#define \w{1,200}?_width \d{1,9}\r?\n#define \w{1,200}?_height "),
        "image/x-xbitmap",
    ),
    (re.compile(rb"SIMPLE  = {20}T "), "image/fits"),
)

_PACKET_BYTES = (188, 192)
_MAX_PACKET_BYTES = max(_PACKET_BYTES)
_SYNC = 0xFFE0
_BIT_RATES = {
    # Kilobits per second. A key is a pair: whether the audio is MPEG 1, and the number
    # of the layer.
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SAMPLE_RATES = {
    3: (44100, 48000, 32000),
    2: (22050, 24000, 16000),
    0: (11025, 12000, 8000),
}
_FRAMES = 3
_FRAME_HEADER = re.compile(
    rb"\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff]"
    rb"[\x10-\x1b\x20-\x2b\x30-\x3b\x40-\x4b\x50-\x5b\x60-\x6b\x70-\x7b"
    rb"\x80-\x8b\x90-\x9b\xa0-\xab\xb0-\xbb\xc0-\xcb\xd0-\xdb\xe0-\xeb].",
    re.DOTALL,
)
"""Matches all headers for which ``_frame_bytes`` returns a length.

With this pattern, most files need no computation.
"""


def find_rare_type(head: bytes) -> str:
    """Return the type of binary content that libmagic does not detect, or ``""``."""
    if (start := _BINARY.match(head)) and start.lastindex:
        return _BINARY_TYPES[start.lastindex - 1][1]
    if has_transport_packets(head):
        return "video/mp2t"
    return "audio/mpeg" if has_mpeg_frames(head) else ""


def find_written_picture(head: bytes) -> str:
    """Return the type of a picture whose format is text, or ``""``."""
    for start, content_type in WRITTEN:
        if start.match(head):
            return content_type
    return ""


def has_transport_packets(head: bytes) -> bool:
    """Return whether four packets of a transport stream follow each other.

    The first packet may be incomplete, because a recording can begin within a packet.
    The packets of cameras are longer, because each begins with a time stamp.
    """
    at = head.find(b"G", 0, _MAX_PACKET_BYTES)
    while at >= 0:
        if any(
            at < size and head[at : at + 4 * size : size] == b"GGGG"
            for size in _PACKET_BYTES
        ):
            return True
        at = head.find(b"G", at + 1, _MAX_PACKET_BYTES)
    return False


def has_mpeg_frames(head: bytes) -> bool:
    """Return whether three frames of MPEG audio follow each other.

    The first frame may be incomplete, because a recording can begin within a frame.
    """
    start = _FRAME_HEADER.search(head)
    while start:
        if _is_chain(head, start.start()):
            return True
        start = _FRAME_HEADER.search(head, start.start() + 1)
    return False


def _is_chain(head: bytes, at: int) -> bool:
    for _ in range(_FRAMES):
        length = _frame_bytes(head[at : at + 4])
        if not length:
            return False
        at += length
    return True


def _frame_bytes(header: bytes) -> int:
    """Return the length of the frame with this header, or 0 for an invalid header."""
    if len(header) < 4:
        return 0
    bits = int.from_bytes(header, "big")
    version, layer = bits >> 19 & 3, 4 - (bits >> 17 & 3)
    rate, sampling = bits >> 12 & 15, bits >> 10 & 3
    if bits >> 16 & _SYNC != _SYNC or version == 1 or layer == 4:
        return 0
    if rate in {0, 15} or sampling == 3:
        return 0
    is_mpeg1, padding = version == 3, bits >> 9 & 1
    bit_rate = 1000 * _BIT_RATES[is_mpeg1, layer][rate - 1]
    hertz = _SAMPLE_RATES[version][sampling]
    if layer == 1:
        return (12 * bit_rate // hertz + padding) * 4
    samples = 72 if layer == 3 and not is_mpeg1 else 144
    return samples * bit_rate // hertz + padding
