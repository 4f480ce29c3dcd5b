"""Detects types that libmagic does not detect, by their first bytes.

All these types occurred in the real files of a test (docs/inspection.md, "Measured").
"""

from __future__ import annotations

import re

from uploads.inspection.content_types import PACKED

BINARY: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"\x89PNG\r\n\x1a\n", re.DOTALL), "image/png"),
    (re.compile(rb"PK\x03\x04|PK\x05\x06", re.DOTALL), PACKED),
    (re.compile(rb"ID3[\x02-\x04]", re.DOTALL), "audio/mpeg"),
    (re.compile(rb"RIFX....WAVE|riff\x2e\x91\xcf\x11", re.DOTALL), "audio/wav"),
    (re.compile(rb"caff\x00\x01", re.DOTALL), "audio/x-caf"),
    (re.compile(rb"dns\.", re.DOTALL), "audio/basic"),
    (re.compile(rb".{4}ftypcrx ", re.DOTALL), "image/x-canon-cr3"),
    (re.compile(rb"wvpk", re.DOTALL), "audio/x-wavpack"),
    (re.compile(rb"TTA[12]", re.DOTALL), "audio/x-tta"),
    (re.compile(rb"DSD |FRM8.{8}DSD ", re.DOTALL), "audio/x-dsd"),
    (re.compile(rb"MPCK|MP\+", re.DOTALL), "audio/x-musepack"),
    (re.compile(rb"\x7f\xfe\x80\x01|\xfe\x7f\x01\x80", re.DOTALL), "audio/vnd.dts"),
    (re.compile(rb".{4}\xf8\x72\x6f[\xba\xbb]", re.DOTALL), "audio/vnd.dolby.mlp"),
    (re.compile(rb"\x00\x00\x00\x01[\x27\x47\x67]", re.DOTALL), "video/h264"),
    (re.compile(rb"\x00\x00\x00\x01\x40\x01", re.DOTALL), "video/h265"),
    (re.compile(rb"DKIF\x00\x00", re.DOTALL), "video/x-ivf"),
    (re.compile(rb"\xb7\xd8\x00\x20\x37\x49\xda\x11", re.DOTALL), "video/x-wtv"),
    (re.compile(rb".{4}ftyp", re.DOTALL), "video/mp4"),
    (
        re.compile(rb".{4}(?:free|mdat|moov|pnot|skip|wide)", re.DOTALL),
        "video/quicktime",
    ),
    (re.compile(rb"IIU\x00", re.DOTALL), "image/x-panasonic-rw2"),
    (re.compile(rb"DDS \x7c\x00\x00\x00", re.DOTALL), "image/vnd-ms.dds"),
    (re.compile(rb"#\?(?:RADIANCE|RGBE)\n", re.DOTALL), "image/vnd.radiance"),
    (re.compile(rb"P[Ff]\n\d{1,9} \d{1,9}\n", re.DOTALL), "image/x-portable-floatmap"),
    (
        re.compile(rb"\x01\xda[\x00\x01][\x01\x02]\x00[\x01-\x03]", re.DOTALL),
        "image/x-sgi",
    ),
    (re.compile(rb"\x59\xa6\x6a\x95", re.DOTALL), "image/x-sun-raster"),
    (re.compile(rb".{522}\x00\x11\x02\xff", re.DOTALL), "image/x-pict"),
    (
        re.compile(rb"\x09[\x00\x02\x04\x08][\x04\x06\x08\x10]\x00", re.DOTALL),
        "application/vnd.ms-excel",
    ),
    (re.compile(rb".{1,1019}%PDF-[12]\.\d", re.DOTALL), "application/pdf"),
)
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


def find_rare_type(head: bytes) -> str:
    """Return the type of binary content that libmagic does not detect, or ``""``."""
    for start, content_type in BINARY:
        if start.match(head):
            return content_type
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
    at = head.find(b"\xff")
    while at >= 0:
        if _is_chain(head, at):
            return True
        at = head.find(b"\xff", at + 1)
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
