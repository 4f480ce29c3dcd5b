"""Refuses disguises: programs, pages and scripts with a misleading name or type.

This protects the person who downloads a file and opens it with a double click. If name,
declared type and content differ in any other way, the site records the difference and
accepts the file. docs/inspection.md has a table of the rules.
"""

from __future__ import annotations

from uploads.inspection.active_content import (
    SVG,
    Active,
    Kind,
    find_active,
    find_hidden_page,
)
from uploads.inspection.content_types import PACKED, UNCLAIMED, canonical, family_of
from uploads.inspection.extensions import (
    AMBIGUOUS,
    ARCHIVES,
    DATA,
    DOCUMENTS,
    FITS,
    FONTS,
    IMAGES,
    MEDIA,
    PAGES,
    RUNNABLE,
    TEXTS,
    endings_of,
    extension_of,
)
from uploads.inspection.guesses import knows, type_of_ending
from uploads.inspection.long_markup import find_script_behind_head
from uploads.inspection.type_words import in_words
from uploads.inspection.verdicts import Sample, Verdict

_PROMISES = DOCUMENTS | MEDIA | ARCHIVES | TEXTS | DATA | FONTS | PAGES | RUNNABLE
_COVERS = DOCUMENTS | MEDIA


class DisguiseInspector:
    """Refuses programs, pages and scripts under a misleading name or declared type."""

    name = "Disguises"
    slow = False

    def wants(self, sample: Sample) -> bool:
        return True

    def inspect(self, sample: Sample) -> Verdict:
        reason = find_disguise(
            sample.filename, declared=sample.content_type, head=sample.head
        ) or _find_disguise_behind_head(sample)
        return Verdict(
            accepted=not reason, reason=reason, detected_type=sample.precise_type
        )


def find_disguise(filename: str, *, declared: str, head: bytes) -> str:
    """Return a message for the owner of a disguised file, or ``""``.

    If ``head`` is empty, this function checks only the name.
    """
    return _find_double_ending(filename) or _find_disguised_content(
        extension_of(filename), canonical(declared), head
    )


def describe_difference(filename: str, detected_type: str) -> str:
    """Return a note if the name's ending does not fit the detected type, else ``""``.

    An example is "The name ends in .jpg, but the file is a WebP image.". Returns ``""``
    if the ending is unknown, or if it is usual for the detected type.
    """
    extension = extension_of(filename)
    promised = canonical(type_of_ending(extension))
    found = canonical(detected_type)
    if not found or promised in UNCLAIMED or promised == found:
        return ""
    if extension in FITS.get(found, ()) or _are_alike(extension, promised, found):
        return ""
    said = in_words(found) or found
    return f"The name ends in .{extension}, but the file is {said}."


def is_runnable(filename: str) -> bool:
    """Return whether a double click on a file with this name can run code."""
    return extension_of(filename) in RUNNABLE


def _find_double_ending(filename: str) -> str:
    *_, cover, last = ("", "", *endings_of(filename))
    if last not in RUNNABLE or cover not in _COVERS:
        return ""
    return (
        f"The name ends in .{cover}.{last}. A double click runs a file that ends in "
        f".{last}, but .{cover} makes the file look like {_kind_of(cover)}. Remove "
        "one of the two endings from the name, then upload the file again."
    )


def _find_disguised_content(extension: str, declared: str, head: bytes) -> str:
    active = find_active(head)
    if active is not None and active.kind == Kind.PROGRAM:
        return _judge_program(extension, active)
    if not _passes_for_medium(extension, declared):
        return ""
    found = active or find_hidden_page(head)
    if found is None or found.kind == Kind.DRAWING:
        return ""
    return _words_for_medium(extension, declared, found.kind.value)


def _find_disguise_behind_head(sample: Sample) -> str:
    """Read a text to its end if it pretends to be an image, sound or film.

    Return a message for the owner if the text contains a page or a script, else ``""``.
    """
    extension, declared = extension_of(sample.filename), canonical(sample.content_type)
    if not _passes_for_medium(extension, declared):
        return ""
    found = find_script_behind_head(sample)
    return _words_for_medium(extension, declared, found) if found else ""


def _passes_for_medium(extension: str, declared: str) -> bool:
    return extension in MEDIA - AMBIGUOUS or _is_declared_medium(extension, declared)


def _words_for_medium(extension: str, declared: str, found: str) -> str:
    is_medium = extension in MEDIA - AMBIGUOUS
    said = f"its name ends in .{extension}" if is_medium else f"its type is {declared}"
    return (
        f"This file is {found}, but {said}, as if it were "
        f"{_medium(extension, declared)}. Give the file the right ending and type, "
        "then upload it again."
    )


def _judge_program(extension: str, active: Active) -> str:
    # Accept unknown endings, because they promise no type. Examples are python3.11,
    # libc.so.6 and vim.basic.
    if not _is_promise(extension) or extension in FITS[active.content_type]:
        return ""
    return (
        f"This file is {in_words(active.content_type)}, but its name ends in "
        f".{extension}. Remove this ending from the name, then upload the file again."
    )


def _is_promise(extension: str) -> bool:
    return extension in _PROMISES or knows(extension)


def _is_declared_medium(extension: str, declared: str) -> bool:
    if extension in AMBIGUOUS | PAGES or declared == SVG:
        return False
    return declared.startswith(("image/", "audio/", "video/"))


def _kind_of(extension: str) -> str:
    if extension in DOCUMENTS:
        return "a document"
    return "a picture" if extension in IMAGES else "a sound or a film"


def _medium(extension: str, declared: str) -> str:
    is_image = extension in IMAGES or declared.startswith("image/")
    return "a picture" if is_image else "a sound or a film"


def _are_alike(extension: str, promised: str, found: str) -> bool:
    """Return True if a note about the difference would not help the owner.

    This is the case if both types belong to the same family (except images), or if a
    document is a ZIP archive. It is also the case if ``found`` is only a guess, unless
    the ending promises an image, a sound, a film, an archive or a font.
    """
    families = {family_of(promised), family_of(found)}
    if found == PACKED and families <= {"archive", "document"}:
        return True
    if found == "application/octet-stream" or found.startswith("text/"):
        # libmagic does not know the types of most text formats.
        return family_of(promised) not in {"image", "media", "archive", "font"}
    return len(families) == 1 and families != {"image"}
