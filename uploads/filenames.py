"""File names as people sent them, made safe to show and to send back.

Nothing here ever becomes part of a key: names are for people only.
"""

from __future__ import annotations

import re
import unicodedata

from uploads.errors import InvalidRequest

MAX_FILENAME_LENGTH = 255
MAX_PATH_LENGTH = 1024
UNNAMED = "unnamed"

# Control and format characters, among them the marks that turn text around
# (an "invoice\u202egnp.exe" reads as "invoiceexe.png"), and lone surrogates.
UNSAFE_CATEGORIES = frozenset({"Cc", "Cs", "Co", "Zl", "Zp"})
BIDI_MARKS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
SEPARATORS = re.compile(r"[/\\]+")


def clean_filename(sent: str) -> str:
    """Return the last path component of ``sent`` without unsafe characters.

    What is left of nothing is ``unnamed``. A long name keeps its extension.
    """
    name = printable(SEPARATORS.split(sent.strip())[-1]).strip(" .") or UNNAMED
    if len(name) <= MAX_FILENAME_LENGTH:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension) > 16:
        return name[:MAX_FILENAME_LENGTH]
    return f"{stem[: MAX_FILENAME_LENGTH - len(extension) - 1]}.{extension}"


def chosen_filename(sent: str) -> str:
    """Return the name that a person chose for a file, without white space around it.

    A name from a disk is cleaned, since nobody looks at it; one that a person typed is
    kept or refused, never another one than they see. Raises InvalidRequest.
    """
    wanted = unicodedata.normalize("NFC", sent.strip())
    if not wanted:
        refusal = "Give the file a name."
    elif SEPARATORS.search(wanted):
        refusal = r"A name cannot contain / or \."
    elif printable(wanted) != wanted:
        refusal = "A name cannot contain characters that nobody sees."
    elif wanted.strip(" .") != wanted:
        refusal = "A name cannot begin or end with a dot."
    elif len(wanted) > MAX_FILENAME_LENGTH:
        refusal = f"A name has at most {MAX_FILENAME_LENGTH} characters."
    else:
        return wanted
    raise InvalidRequest(refusal, fields={"filename": [refusal]})


def clean_relative_path(sent: str) -> str:
    """Return a folder path for display: forward slashes, no ``.`` or ``..``."""
    parts = (printable(part).strip() for part in SEPARATORS.split(sent))
    kept = [part for part in parts if part and part not in {".", ".."}]
    return "/".join(kept)[:MAX_PATH_LENGTH]


def printable(text: str) -> str:
    """Return ``text`` without control characters, turned text and lone surrogates."""
    normal = unicodedata.normalize("NFC", BIDI_MARKS.sub("", text))
    return "".join(
        char for char in normal if unicodedata.category(char) not in UNSAFE_CATEGORIES
    )
