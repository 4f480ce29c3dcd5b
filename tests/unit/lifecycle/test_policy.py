"""Test which policy applies: of the site, of a group or of an account."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
from django.contrib.auth.models import Group

from uploads.errors import ContentTypeNotAllowed, FileTooLarge
from uploads.lifecycle.policy import Policy, policy_for
from uploads.models import UploadPolicy


def test_default_policy_is_the_sites_policy(alice: Any, settings: Any) -> None:
    settings.UPLOADS = {"MAX_FILE_SIZE": 5, "ALLOWED_CONTENT_TYPES": ["image/*"]}

    assert policy_for(alice) == Policy(5, ("image/*",))


def test_policy_of_the_account_takes_precedence_over_its_groups(alice: Any) -> None:
    staff = Group.objects.create(name="staff")
    alice.groups.add(staff)
    UploadPolicy.objects.create(group=staff, max_file_size=100)
    UploadPolicy.objects.create(user=alice, max_file_size=7)

    assert policy_for(alice).max_file_size == 7


def test_most_permissive_policy_of_several_groups_applies(alice: Any) -> None:
    for name, size, types in (("a", 5, ["image/*"]), ("b", 9, ["text/plain"])):
        group = Group.objects.create(name=name)
        alice.groups.add(group)
        UploadPolicy.objects.create(
            group=group, max_file_size=size, allowed_content_types=types
        )

    assert policy_for(alice) == Policy(9, ("image/*", "text/plain"))


def test_empty_field_of_an_account_policy_uses_the_sites_policy(alice: Any) -> None:
    UploadPolicy.objects.create(user=alice, allowed_content_types=["image/*"])

    assert policy_for(alice).max_file_size == 10_000 * 5 * 1024**3


WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PICTURES = Policy(10**12, ("image/*",))
DOCUMENTS = Policy(10**12, ("application/pdf", WORD, "text/plain"))
MEDIA = Policy(10**12, ("audio/*", "video/*"))


@pytest.mark.parametrize(
    "content_type", ["text/html", "image/svg+xml", "application/gpx+xml", "a/b"]
)
def test_open_policy_allows_every_type(content_type: str) -> None:
    policy = Policy(1, ("*/*",))

    assert policy.allows(content_type)
    assert not policy.restricts_types
    policy.check(byte_size=1, content_type=content_type, detected_type="")


@pytest.mark.parametrize(
    ("policy", "filename", "declared", "detected"),
    [
        (PICTURES, "photo.jpg", "image/jpeg", "image/webp"),
        (PICTURES, "photo.heic", "", "image/heic"),
        (PICTURES, "IMG_1.CR2", "application/octet-stream", "image/x-canon-cr2"),
        (PICTURES, "logo.svg", "image/svg+xml", "image/svg+xml"),
        (PICTURES, "scan", "application/octet-stream", "image/png"),
        (PICTURES, "photo.jpg", "application/x-wrong", "image/jpeg"),
        (DOCUMENTS, "paper.pdf", "application/octet-stream", "application/pdf"),
        (DOCUMENTS, "letter.docx", WORD, "application/zip"),
        (DOCUMENTS, "letter.docx", "", WORD),
        (DOCUMENTS, "locked.docx", WORD, "application/x-ole-storage"),
        (DOCUMENTS, "notes.txt", "text/plain", "text/x-c"),
        (MEDIA, "song.m4a", "audio/mp4", "video/mp4"),
        (MEDIA, "film.mov", "", "video/quicktime"),
        (MEDIA, "film.mp4", "image/png", "video/mp4"),
        (Policy(9, ("image/png",)), "a.png", "image/png", "image/jpeg"),
        (
            Policy(9, ("application/zip",)),
            "a.zip",
            "application/zip",
            "application/x-7z-compressed",
        ),
        (Policy(9, ("image/jpg",)), "a.jpg", "image/jpeg", "image/jpeg"),
        (Policy(9, ("text/javascript",)), "a.js", "text/javascript", "text/plain"),
    ],
)
def test_content_of_an_allowed_family_is_allowed(
    policy: Policy, filename: str, declared: str, detected: str
) -> None:
    policy.check_content(filename, declared, detected)


@pytest.mark.parametrize(
    ("policy", "filename", "declared", "detected"),
    [
        (PICTURES, "photo.jpg", "image/jpeg", "video/mp4"),
        (PICTURES, "photo.jpg", "image/jpeg", "application/zip"),
        (PICTURES, "photo.jpg", "image/jpeg", "text/plain"),
        (PICTURES, "photo.jpg", "image/jpeg", ""),
        (PICTURES, "notes.txt", "text/plain", "text/plain"),
        (DOCUMENTS, "paper.pdf", "application/pdf", "image/png"),
        (DOCUMENTS, "paper.pdf", "application/pdf", "application/x-elf"),
        (DOCUMENTS, "all.zip", "application/zip", "application/zip"),
        (DOCUMENTS, "run.bat", "text/plain", "text/plain"),
        (DOCUMENTS, "site.url", "text/plain", "text/plain"),
        (MEDIA, "photo.jpg", "image/jpeg", "image/jpeg"),
        (MEDIA, "song.mp3", "audio/mpeg", "text/plain"),
        (Policy(9, ("image/png",)), "a.jpg", "image/jpeg", "image/jpeg"),
    ],
)
def test_content_of_another_or_unknown_family_is_refused(
    policy: Policy, filename: str, declared: str, detected: str
) -> None:
    with pytest.raises(ContentTypeNotAllowed) as caught:
        policy.check_content(filename, declared, detected)

    assert f"Allowed: {', '.join(policy.allowed_content_types)}." in str(caught.value)


@pytest.mark.parametrize(
    ("filename", "declared", "is_allowed"),
    [
        ("photo.heic", "application/octet-stream", True),
        ("photo.jpg", "application/x-wrong", True),
        ("a", "image/png", True),
        ("notes.txt", "text/plain", False),
        ("a", "application/octet-stream", False),
        ("photo.scr", "image/png", False),
    ],
)
def test_name_and_declared_type_are_used_before_the_content_is_known(
    filename: str, declared: str, is_allowed: bool
) -> None:
    refusal: AbstractContextManager[Any] = (
        nullcontext() if is_allowed else pytest.raises(ContentTypeNotAllowed)
    )

    with refusal:
        PICTURES.check(byte_size=1, content_type=declared, filename=filename)


def test_refusal_by_a_policy_names_the_reason() -> None:
    policy = Policy(10, ("image/*",))

    with pytest.raises(FileTooLarge, match="11 bytes; at most 10"):
        policy.check(byte_size=11, content_type="image/png")
    with pytest.raises(ContentTypeNotAllowed, match="text/plain may not"):
        policy.check(byte_size=1, content_type="text/plain")
    policy.check(byte_size=10, content_type="image/png")
