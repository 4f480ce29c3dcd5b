"""Types are guessed from file extensions, and extensions from types."""

from __future__ import annotations

import pytest

from uploads.inspection.guesses import ending_of, type_of


@pytest.mark.parametrize(
    ("filename", "content_type"),
    [
        ("a.txt", "text/plain"),
        ("A.PDF", "application/pdf"),
        ("photo.jpeg", "image/jpeg"),
        ("a.tar.gz", "application/gzip"),
        ("a.webp", "image/webp"),
        ("Prüf.docx", type_of("a.docx")),
        ("README", "application/octet-stream"),
        (".txt", "application/octet-stream"),
        ("a.", "application/octet-stream"),
        ("data:text/html,x", "application/octet-stream"),
        ("http://a/b.png", "image/png"),
    ],
)
def test_type_is_guessed_from_the_extension(filename: str, content_type: str) -> None:
    assert type_of(filename) == content_type


@pytest.mark.parametrize(
    ("content_type", "extension"),
    [("application/pdf", ".pdf"), ("image/jpeg", ".jpg"), ("no/such", "")],
)
def test_extension_is_guessed_from_the_type(content_type: str, extension: str) -> None:
    assert ending_of(content_type) == extension
