"""Makes file names safe to store, to display and to send in headers.

The functions change only dangerous parts of a name: path separators, invisible
characters, and parts that Windows cannot store. Keys in the bucket never contain a file
name.

static/js/engine/filename.js has the same rules. tests/cases/filenames.json tests both
implementations.
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
"""Maximum number of marks (accents) on one letter.

No language needs more marks. Source: Unicode's Stream-Safe Text Format.
"""

# All invisible characters: control characters, line separators, lone surrogates,
# noncharacters, and all code points with Unicode's property Default_Ignorable. This
# property includes zero-width spaces, fillers, tags, variation selectors and
# bidirectional controls. Because of such a control, people read "invoice\u202egnp.exe"
# as "invoiceexe.png". This constant lists code points and not Unicode's categories,
# because browsers and Python have different versions of Unicode.
_INVISIBLE = (
    "\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\ufdd0-\ufdef\ud800-\udfff\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
) + "".join(
    f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}"
    for plane in range(0, 0x110000, 0x10000)
)

# Writing systems that need joiners (the invisible characters U+200C and U+200D) for
# correct spelling: Arabic to N'Ko, systems of India and South-East Asia, and Mongolian.
# For example, Persian and Hindi need joiners.
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

# Matches an invisible character in a place where spelling needs it. ``printable`` keeps
# these characters.
_INVISIBLE_BUT_NEEDED = "|".join(
    [
        # Tags in the emoji of the flags of England, Scotland and Wales.
        "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f",
        f"(?<=[{_JOINING}])[\u200c\u200d]",
        # Joiners in combined emoji, such as a family or an astronaut.
        f"(?:(?<=[{_SYMBOLS}])|(?<=[{_SYMBOLS}]\ufe0f))\u200d(?=[{_SYMBOLS}])",
        f"(?<=[{_SYMBOLS}])[\ufe00\ufe0e\ufe0f]",
        "(?<=[0-9#*])\ufe0f(?=\u20e3)",
        f"(?<=[{_IDEOGRAPHS}])[\ufe00-\ufe02\U000e0100-\U000e01ef]",
        "(?<=[\u1000-\u109f\ua840-\ua87f\uaa60-\uaa7f])\ufe00",
        "(?<=[\u1820-\u18aa])[\u180b-\u180f]",
    ]
)
_NEEDED_OR_INVISIBLE = re.compile(f"({_INVISIBLE_BUT_NEEDED})|[{_INVISIBLE}]")

_ANY_INVISIBLE = re.compile(f"[{_INVISIBLE}]")

_BLANK = " \u00a0\u1680\u2000-\u200a\u202f\u205f\u2800\u3000"
# Matches blanks and dots at the end of a name. With the lookbehind, a match starts only
# at the first of several blanks. Otherwise the search would take quadratic time.
_END = re.compile(f"(?<![{_BLANK}.])[{_BLANK}.]++$")

_WINDOWS_PATH = re.compile(r"[A-Za-z]:[\\/]|\\\\|\.{1,2}\\")
_DRIVE = re.compile(r"([A-Za-z]):")
_DEVICE = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\xb9\xb2\xb3]) *(?:[.:]|$)",
    re.ASCII | re.IGNORECASE,
)


def clean_filename(sent: str) -> str:
    """Return the last component of a path as a name that every system can store.

    If nothing remains, returns ``unnamed``. If the name is too long, shortens it but
    keeps the extension. A backslash is a path separator only in a Windows path.
    """
    return _clean(_steps(sent)[-1])


def chosen_filename(sent: str) -> str:
    """Return a name that a person typed, without white space at both ends.

    Raises InvalidRequest for a name that ``clean_filename`` would change. This function
    does not clean the name itself, so that the file gets exactly the typed name.
    """
    wanted = _composed(sent.strip()[: 4 * MAX_FILENAME_LENGTH])
    if not wanted:
        refusal = "Give the file a name."
    elif "/" in wanted or "\\" in wanted:
        refusal = r"A name cannot contain / or \."
    elif _limit_marks(wanted) != wanted:
        refusal = f"A letter in a name can have at most {MAX_MARKS} accents."
    elif printable(wanted) != wanted:
        refusal = "A name cannot contain invisible characters."
    elif _END.search(wanted):
        refusal = "A name cannot end with a dot or a space."
    elif len(wanted) > MAX_FILENAME_LENGTH:
        refusal = f"A name has at most {MAX_FILENAME_LENGTH} characters."
    elif _DRIVE.match(wanted):
        refusal = "A name cannot begin with a letter and a colon, like a Windows drive."
    elif _DEVICE.match(wanted):
        refusal = "Windows reserves this name for a device. Choose another name."
    else:
        return wanted
    raise InvalidRequest(refusal, fields={"filename": [refusal]})


def clean_relative_path(sent: str) -> str:
    """Return a folder path with slashes, in which each component is cleaned.

    Removes the components ``.`` and ``..``, and empty components. If the path is too
    long, removes its last components.
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
    """Return the form of ``text`` that searches compare.

    Two texts have the same form if they differ only in upper and lower case, composed
    and decomposed letters, or wide and narrow letters (Unicode's NFKC_Casefold). A
    Turkish dotted I becomes i. Invisible characters are removed. The result has at most
    MAX_FOLDED_LENGTH characters. The result can be longer than ``text``, because some
    characters become several characters.
    """
    if text.isascii() and text.isprintable():
        return text.lower()[:MAX_FOLDED_LENGTH]
    visible = _ANY_INVISIBLE.sub("", text)
    for _ in range(2):
        # Folding can undo the normal form, and normalising can undo the folding. So do
        # both steps twice.
        visible = unicodedata.normalize("NFKC", visible).casefold()
        visible = visible.replace("i\u0307", "i")
    return unicodedata.normalize("NFKC", visible)[:MAX_FOLDED_LENGTH]


def printable(text: str) -> str:
    """Return ``text`` without invisible characters.

    Keeps joiners and variation selectors where correct spelling needs them: in Persian,
    in Indian writing systems, after ideographs and in emoji.
    """
    if text.isascii() and text.isprintable():
        return text
    return _composed(_limit_marks(_NEEDED_OR_INVISIBLE.sub(r"\1", text)))


def _composed(text: str) -> str:
    """Return ``text`` in Unicode's normal form NFC.

    If a letter has more than MAX_MARKS marks, returns ``text`` unchanged. The time of
    normalising grows with the square of the number of marks on one letter.
    """
    is_safe = text.isascii() or _limit_marks(text) == text
    return unicodedata.normalize("NFC", text) if is_safe else text


def _limit_marks(text: str) -> str:
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
