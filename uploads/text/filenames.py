"""File names as people sent them, made safe to store, to show and to send back.

A name keeps what its owner gave it. Only what is dangerous on some system is changed:
path separators, characters that nobody sees, names that Windows cannot store. Names
never become part of a key. static/js/engine/filename.js holds the same rules for the
page; tests/cases/filenames.json is for both.
"""

from __future__ import annotations

import re
import unicodedata

from uploads.errors import InvalidRequest

MAX_FILENAME_LENGTH = 255
MAX_PATH_LENGTH = 1024
MAX_FOLDED_LENGTH = 512
UNNAMED = "unnamed"
MAX_MARKS = 30
"""Accents on one letter: no language has more (Unicode's Stream-Safe Text Format)."""

# Control characters, line separators, lone surrogates, noncharacters, and all code points
# that Unicode calls Default_Ignorable: bidirectional controls (an "invoice\u202egnp.exe"
# reads as "invoiceexe.png"), zero-width spaces, fillers, tags, variation selectors.
# Ranges rather than categories: each browser and each Python knows another Unicode.
_UNSEEN = (
    "\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\ufdd0-\ufdef\ud800-\udfff\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
) + "".join(
    f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}"
    for plane in range(0, 0x110000, 0x10000)
)

# Letters and signs whose neighbours join: Arabic to N'Ko, the scripts of India and of
# South-East Asia, Mongolian, and their later blocks. Persian and Hindi are not spelt right
# without joiners (U+200C, U+200D).
_JOINING = (
    "\u0620-\u0dff\u0f00-\u109f\u1780-\u180a\u1810-\u18af\u1a20-\u1aaf\u1b00-\u1c4f"
    "\ua840-\ua87f\ua8e0-\ua8ff\ua980-\ua9df\uaa60-\uaa7f\uabc0-\uabff\ufb50-\ufdcf"
    "\ufe70-\ufefc\U00010a00-\U00010aff\U00010d00-\U00010fff\U00011000-\U00011fff"
    "\U0001e900-\U0001e95f"
)
_SYMBOLS = (
    "\u00a9\u00ae\u203c\u2049\u2100-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
_IDEOGRAPHS = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003fffd"

_WELL_PLACED = "|".join(
    [
        # The flags of England, Scotland and Wales.
        "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f",
        f"(?<=[{_JOINING}])[\u200c\u200d]",
        # Emoji of several: a family, a woman in space.
        f"(?:(?<=[{_SYMBOLS}])|(?<=[{_SYMBOLS}]\ufe0f))\u200d(?=[{_SYMBOLS}])",
        f"(?<=[{_SYMBOLS}])[\ufe00\ufe0e\ufe0f]",
        "(?<=[0-9#*])\ufe0f(?=\u20e3)",
        f"(?<=[{_IDEOGRAPHS}])[\ufe00-\ufe02\U000e0100-\U000e01ef]",
        "(?<=[\u1000-\u109f\ua840-\ua87f\uaa60-\uaa7f])\ufe00",
        "(?<=[\u1820-\u18aa])[\u180b-\u180f]",
    ]
)
_UNSEEN_OR_WELL_PLACED = re.compile(f"({_WELL_PLACED})|[{_UNSEEN}]")

_UNSEEN_ONLY = re.compile(f"[{_UNSEEN}]")

_BLANK = " \u00a0\u1680\u2000-\u200a\u202f\u205f\u2800\u3000"
# Begins only where a run of them begins: any other start costs quadratic time.
_END = re.compile(f"(?<![{_BLANK}.])[{_BLANK}.]++$")

_WINDOWS_PATH = re.compile(r"[A-Za-z]:[\\/]|\\\\|\.{1,2}\\")
_DRIVE = re.compile(r"([A-Za-z]):")
_DEVICE = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\xb9\xb2\xb3]) *(?:[.:]|$)",
    re.ASCII | re.IGNORECASE,
)


def clean_filename(sent: str) -> str:
    """Return the last path component of ``sent`` as a name that every system can store.

    If nothing remains, returns ``unnamed``. A name that is too long keeps its extension.
    A backslash is part of a name, except in what begins like a path of Windows.
    """
    return _clean(_steps(sent)[-1])


def chosen_filename(sent: str) -> str:
    """Return the name that a person typed for a file, without white space around it.

    A name that comes with a file is cleaned. A typed name is kept or refused, so that
    the file never gets another name than the person sees. Raises InvalidRequest.
    """
    wanted = _composed(sent.strip()[: 4 * MAX_FILENAME_LENGTH])
    if not wanted:
        refusal = "Give the file a name."
    elif "/" in wanted or "\\" in wanted:
        refusal = r"A name cannot contain / or \."
    elif _without_towers(wanted) != wanted:
        refusal = f"A name has at most {MAX_MARKS} accents on one letter."
    elif printable(wanted) != wanted:
        refusal = "A name cannot contain invisible characters."
    elif _END.search(wanted):
        refusal = "A name cannot end with a dot or a blank."
    elif len(wanted) > MAX_FILENAME_LENGTH:
        refusal = f"A name has at most {MAX_FILENAME_LENGTH} characters."
    elif _DRIVE.match(wanted):
        refusal = "A name cannot begin with a letter and a colon, as a Windows drive."
    elif _DEVICE.match(wanted):
        refusal = "Windows keeps this name for a device. Choose another name."
    else:
        return wanted
    raise InvalidRequest(refusal, fields={"filename": [refusal]})


def clean_relative_path(sent: str) -> str:
    """Return a folder path with forward slashes, each step cleaned as a name is.

    Empty steps, ``.`` and ``..`` are left out. A path that is too long loses its last
    steps.
    """
    steps = _steps(sent) if "/" in sent else sent.split("\\")
    kept = [_clean(step) for step in steps if step not in {"", ".", ".."}]
    room = MAX_PATH_LENGTH + 1
    for number, step in enumerate(kept):
        room -= len(step) + 1
        if room < 0:
            return "/".join(kept[:number])
    return "/".join(kept)


def folded(text: str) -> str:
    """Return what a name and a search have in common, however each is written.

    Upper and lower case, composed and decomposed letters, wide and narrow forms become
    one (Unicode's NFKC_Casefold, and a Turkish dotted I is an i); characters that nobody
    sees go. The length is bounded, since some characters become many.
    """
    seen = _UNSEEN_ONLY.sub("", text)
    for _ in range(2):
        # Folding can undo the normal form, and the other way round.
        seen = unicodedata.normalize("NFKC", seen).casefold().replace("i\u0307", "i")
    return unicodedata.normalize("NFKC", seen)[:MAX_FOLDED_LENGTH]


def printable(text: str) -> str:
    """Return ``text`` without the characters that nobody sees.

    Joiners and variation selectors stay where Persian, the scripts of India, ideographs
    and emoji are written with them.
    """
    return _composed(_without_towers(_UNSEEN_OR_WELL_PLACED.sub(r"\1", text)))


def _composed(text: str) -> str:
    """Return ``text`` in NFC, but as it is if it has a tower of marks.

    Sorting the marks on one letter takes time quadratic in their number.
    """
    is_safe = text.isascii() or _without_towers(text) == text
    return unicodedata.normalize("NFC", text) if is_safe else text


def _without_towers(text: str) -> str:
    """Return ``text`` with at most MAX_MARKS marks on one letter."""
    if text.isascii():
        return text
    kept: list[str] = []
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character)[0] == "M" else 0
        if marks <= MAX_MARKS:
            kept.append(character)
    return "".join(kept)


def _steps(path: str) -> list[str]:
    return (
        path.replace("\\", "/") if _WINDOWS_PATH.match(path.lstrip()) else path
    ).split("/")


def _clean(step: str) -> str:
    name = _END.sub("", printable(step).replace("\\", "_"))
    name = _cut(_DRIVE.sub(r"\1_", name, count=1) if _DRIVE.match(name) else name)
    if not name:
        return UNNAMED
    return f"_{name[: MAX_FILENAME_LENGTH - 1]}" if _DEVICE.match(name) else name


def _cut(name: str) -> str:
    if len(name) <= MAX_FILENAME_LENGTH:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension) > 16:
        return _END.sub("", printable(name[:MAX_FILENAME_LENGTH]))
    return f"{printable(stem[: MAX_FILENAME_LENGTH - len(extension) - 1])}.{extension}"
