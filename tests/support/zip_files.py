"""Provide ZIP archives, and a function that inspects an archive."""

from __future__ import annotations

import gzip
import random
import zipfile
from typing import Any

from tests.support import archives
from tests.support.archives import Raw, packed
from tests.support.inspectors import sample_of
from uploads.inspection.archives import ArchiveInspector
from uploads.inspection.verdicts import Verdict

NOISE = random.Random(1).randbytes(200_000)
STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED


def inspect_archive(
    content: bytes,
    filename: str = "a.zip",
    content_type: str = "application/zip",
    **options: Any,
) -> Verdict:
    sample = sample_of(content, content_type, filename)
    inspector = ArchiveInspector(**options)
    return inspector.inspect(sample) if inspector.wants(sample) else Verdict(True)


def self_extracting() -> bytes:
    return b"MZ" + bytes(500) + packed(("a.txt", NOISE))


ZIP64 = archives.in_zip64(("a.txt", NOISE), ("b/c.txt", b"hello" * 9), ("d", b""))

ORDINARY = {
    "a few files": packed(("a.txt", b"hello"), ("b/c.txt", NOISE)),
    "no files": packed(),
    "a folder": packed(("a/", b"")),
    "stored": packed(("a.txt", b"hello"), compression=STORED),
    "bzip2": packed(("a.txt", NOISE), compression=zipfile.ZIP_BZIP2),
    "lzma": packed(("a.txt", NOISE), compression=zipfile.ZIP_LZMA),
    "a log, 20 to 1": packed(
        *(
            (f"{n}.log", b"".join(b"%09d GET /a\n" % i for i in range(5000)))
            for n in "ab"
        )
    ),
    "10 MB of zeros": packed(("zeros", bytes(10_000_000))),
    "a document": archives.document(),
    "a document of one letter": archives.document(b"a" * 3_000_000),
    "documents in a compressed archive": packed(
        ("a.docx", archives.document()),
        ("b.xlsx", archives.document()),
        ("c.txt", b"c"),
    ),
    "one document in a compressed archive": packed(("a.docx", archives.document())),
    "an archive beside other files": packed(
        ("inner.zip", packed(("a", NOISE))), ("readme.txt", b"hello")
    ),
    "stored jar files": packed(
        *((f"lib/{n}.jar", packed(("A.class", NOISE[:2000]))) for n in range(30)),
        compression=STORED,
    ),
    "Dropbox's folder": archives.raw(Raw(b"/"), Raw(b"a.txt", b"hello")),
    "only one archive": packed(("a.jar", packed(("A.class", NOISE[:999])))),
    "only one tar file": packed(("a.tar.gz", gzip.compress(NOISE))),
    "archives in a compressed archive": packed(
        *(
            (f"{n}.zip", packed(*((f"b{m}", bytes(99)) for m in range(300))))
            for n in range(16)
        )
    ),
    "a wheel with archives for its tests": packed(
        ("tests/a.zip", packed(("a", bytes(5_000_000)))), ("b.py", b"pass")
    ),
    "a stored file of zeros": packed(("zeros", bytes(3_000_000)), compression=STORED),
    "six nested archives": archives.nested(6, compression=STORED),
    "a damaged inner archive": packed(
        ("a.zip", packed(("a", NOISE))[:-30]), ("b", b"b"), compression=STORED
    ),
    "harmless names with dots": packed(("a..b/c..", b""), ("...", b""), ("..a", b"")),
    "long names": archives.with_entries("x" * 250 + str(n) for n in range(100)),
    "a comment": packed(("a", b"a"))[:-2] + b"\x05\x00hello",
}
