"""The inspector measures images, and refuses images that are also web pages."""

from __future__ import annotations

import struct

import pytest

from tests.support.inspectors import sample_of
from uploads.inspection.images import ImageInspector, measure


def png(width: int, height: int) -> bytes:
    header = struct.pack(">I4sIIBBBBB", 13, b"IHDR", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + header + bytes(4)


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\x00\x00"


def bmp(width: int, height: int) -> bytes:
    return b"BM" + bytes(12) + struct.pack("<Iii", 40, width, height) + bytes(28)


def old_bmp(width: int, height: int) -> bytes:
    return b"BM" + bytes(12) + struct.pack("<IHH", 12, width, height) + bytes(8)


def jpeg(width: int, height: int, *, metadata: int = 0, frame: int = 0xC0) -> bytes:
    segments = b"\xff\xe1\xff\xff" + b"x" * 0xFFFD
    return (
        b"\xff\xd8\xff\xe0\x00\x04ab"
        + segments * metadata
        + b"\xff\xff"  # a fill byte
        + struct.pack(">BHBHH", frame, 17, 8, height, width)
        + bytes(20)
    )


def lossy(width: int, height: int) -> bytes:
    frame = b"\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", width, height)
    return b"RIFF\x00\x00\x00\x00WEBPVP8 \x00\x00\x00\x00" + frame + bytes(8)


def lossless(width: int, height: int) -> bytes:
    bits = (width - 1) | (height - 1) << 14
    head = b"RIFF\x00\x00\x00\x00WEBPVP8L\x00\x00\x00\x00\x2f"
    return head + struct.pack("<I", bits) + bytes(8)


def extended(width: int, height: int) -> bytes:
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00" + size


@pytest.mark.parametrize(
    "make", [png, gif, bmp, old_bmp, jpeg, lossy, lossless, extended]
)
def test_image_format_is_measured(make: object) -> None:
    assert callable(make)

    assert measure(sample_of(make(640, 480))) == (640, 480)


@pytest.mark.parametrize("frame", [0xC0, 0xC1, 0xC2, 0xCF])
def test_jpeg_variant_is_measured(frame: int) -> None:
    assert measure(sample_of(jpeg(640, 480, frame=frame))) == (640, 480)


def test_bitmap_with_a_negative_height_is_measured() -> None:
    assert measure(sample_of(bmp(640, -480))) == (640, 480)


def test_jpeg_with_much_metadata_is_measured() -> None:
    assert measure(sample_of(jpeg(640, 480, metadata=40))) == (640, 480)


@pytest.mark.parametrize(
    "content",
    [
        png(65_535, 65_535),
        png(2**31, 2**31),
        png(31_623, 31_623),
        extended(2**24, 2**24),
        bmp(60_000, -60_000),
        jpeg(65_535, 65_535),
        jpeg(65_535, 65_535, metadata=3),
        gif(65_535, 65_535),
    ],
    ids=lambda content: content[:12].hex(),
)
def test_image_with_too_many_pixels_is_refused(content: bytes) -> None:
    verdict = ImageInspector().inspect(sample_of(content, "image/png"))

    assert not verdict.accepted
    assert "1,000 megapixels" in verdict.reason


@pytest.mark.parametrize("content", [png(0, 0), png(10, 0), gif(0, 3), bmp(0, 5)])
def test_image_without_pixels_is_refused(content: bytes) -> None:
    assert not ImageInspector().inspect(sample_of(content)).accepted


@pytest.mark.parametrize(
    "content",
    [
        png(31_622, 31_622),  # just below 1,000 megapixels
        png(1, 1),
        jpeg(8_000, 6_000),
        b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",  # truncated: no program can open it
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8\xff\xff\xff\xff",
        b"\xff\xd8\xff\xe0\xff",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"BM\x00",
        b"RIFF\x00\x00\x00\x00WEBPVP8X",
        b"RIFF\x00\x00\x00\x00WEBPWHAT" + bytes(20),
        b"II*\x00" + bytes(20),
        png(5, 5) + b"<x:xmpmeta><rdf:RDF><dc:title>x</dc:title></rdf:RDF>",
    ],
    ids=lambda content: content[:24].hex(),
)
def test_ordinary_and_truncated_images_are_accepted(content: bytes) -> None:
    assert ImageInspector().inspect(sample_of(content)).accepted


@pytest.mark.parametrize(
    "page",
    [
        b"<script>alert(1)</script>",
        b"<HTML>",
        b"<!doctype  html>",
        b"<svg onload=alert(1)>",
        b"<body onload=x>",
        b"<iframe src=x>",
        b"<?php system(1);",
    ],
)
@pytest.mark.parametrize("image", [gif(1, 1), png(1, 1), jpeg(1, 1), lossy(1, 1)])
def test_image_that_is_also_a_web_page_is_refused(image: bytes, page: bytes) -> None:
    verdict = ImageInspector().inspect(sample_of(image + page))

    assert not verdict.accepted
    assert "web page" in verdict.reason


def test_limit_of_pixels_can_be_set() -> None:
    sample = sample_of(png(1001, 1000))

    assert ImageInspector(max_megapixels=2).inspect(sample).accepted
    assert not ImageInspector(max_megapixels=1).inspect(sample).accepted


def test_only_the_beginning_of_an_image_is_read() -> None:
    reads: list[int] = []
    content = jpeg(640, 480, metadata=2)

    def read(start: int, length: int) -> bytes:
        reads.append(start + length)
        return content[start : start + length]

    measure(sample_of(content, byte_size=10**12, read=read))

    assert max(reads) < 1024 * 1024


def test_jpeg_with_a_terabyte_of_metadata_is_read_only_to_a_limit() -> None:
    reads: list[int] = []
    segment = b"\xff\xe1\xff\xff" + b"x" * 0xFFFD

    def read(start: int, length: int) -> bytes:
        reads.append(length)
        endless = b"\xff\xd8" + segment * 2
        if start == 0:
            return endless[:length]
        skip = (start - 2) % len(segment)
        return (segment * 3)[skip : skip + length]

    assert measure(sample_of(b"", byte_size=10**12, read=read)) is None
    assert len(reads) < 1100


@pytest.mark.parametrize(
    "padding",
    [
        b"\xff\xfe\x00\x02" * 501,  # empty comments
        b"\xff\xfe\x00\x02" * 15_000,
        b"\xff" * 3000,  # fill bytes
        b"\xff\xfe\x00\x04ab" + b"garbage, which viewers skip" * 10,
        b"\xff\xfe\x7e\x7e" + b"a comment that looks like a text" * 1011 + b"x" * 28,
        b"\xff\xe1\xff\xff" + b"x" * 0xFFFD + b"\xff\xfe\x00\x02" * 900,
    ],
    ids=lambda padding: repr(padding[:4]) + str(len(padding)),
)
def test_jpeg_with_filler_before_its_dimensions_is_measured(padding: bytes) -> None:
    frame = b"\xff\xc0\x00\x0b\x08" + struct.pack(">HH", 65_000, 65_000)
    content = b"\xff\xd8" + padding + frame + b"\x01\x01\x11\x00"

    verdict = ImageInspector().inspect(sample_of(content, "image/jpeg"))

    assert not verdict.accepted
    assert "65,000 x 65,000" in verdict.reason


@pytest.mark.parametrize("piece", [b"\xff\xfe\x00\x02", b"\xff\xe1\xff\xff", b"g\xff"])
def test_jpeg_whose_dimensions_come_late_is_refused_after_few_reads(
    piece: bytes,
) -> None:
    reads: list[int] = []
    segment = piece + b"x" * (0xFFFD if piece.endswith(b"\xff\xff") else 0)

    def read(start: int, length: int) -> bytes:
        reads.append(length)
        if start == 0:
            return (
                b"\xff\xd8\xff\xe0\x00\x02" + segment * (length // len(segment) + 1)
            )[:length]
        skip = (start - 6) % len(segment)
        return (segment * (length // len(segment) + 2))[skip : skip + length]

    verdict = ImageInspector().inspect(
        sample_of(b"", "image/jpeg", byte_size=10**12, read=read)
    )

    assert not verdict.accepted
    assert "metadata" in verdict.reason
    assert len(reads) <= 60


def test_clipboard_bitmap_without_a_file_header_is_not_measured() -> None:
    content = struct.pack("<IiiHHI", 40, 640, 480, 1, 24, 0) + bytes(40)

    assert ImageInspector().inspect(sample_of(content, "image/bmp")).accepted


def test_gif_with_only_letters_in_its_header_is_measured() -> None:
    content = b"GIF89a" + b"~~~~" + b"letters " * 600

    verdict = ImageInspector().inspect(sample_of(content, "image/gif", "a.gif"))

    assert not verdict.accepted
