"""The name's extension against the declared type and the first bytes.

A browser goes by the type that we send; a person's desktop goes by the extension.
Only contradictions that deceive are refused: an extension that runs on a type that
does not, and a well-known format under the name of another. What an extension
nobody knows stands for cannot be contradicted.
"""

from __future__ import annotations

from uploads.inspection.declared_type import (
    MARKUP,
    MEDIA,
    PROGRAM_NAMES,
    PROGRAMS,
    SCRIPTS,
    UNCLAIMED,
    canonical,
)
from uploads.inspection.type_words import in_words
from uploads.inspection.verdicts import ACCEPTED, Sample, Verdict, refused


def words(text: str) -> frozenset[str]:
    """Return the words of ``text``: a list of extensions that is easy to read."""
    return frozenset(text.split())


WINDOWS_PROGRAM = "application/vnd.microsoft.portable-executable"
ZIP = "application/zip"
OLE = "application/x-ole-storage"

RUNS_ON_DESKTOP = words(
    "appref-ms application bat chm cmd com command cpl desktop dll exe gadget hta jnlp "
    "jse lnk msc msi msp pif ps1 psm1 reg scf scr sct settingcontent-ms sys url vbe vbs "
    "ws wsc wsf wsh xbap xll"
)
"""A double click runs these, whatever they hold."""

RUNS_IN_BROWSER = {
    "htm": MARKUP,
    "html": MARKUP,
    "js": frozenset(),
    "mht": frozenset(),
    "mhtml": frozenset(),
    "mjs": frozenset(),
    "shtml": MARKUP,
    "svg": MARKUP,
    "svgz": frozenset({"application/gzip"}),
    "swf": frozenset(),
    "xht": MARKUP,
    "xhtml": MARKUP,
}
"""A browser runs these from a disk; with the types that their content may show."""

_MEDIA = words(
    "aac aif aiff amr avi avif bmp flac flv gif heic heif ico jp2 jpe jpeg jpg jxl "
    "m4a m4v mkv mov mp3 mp4 mpeg mpg oga ogg ogv opus png psd tif tiff wav weba webm "
    "webp wma wmv"
)
_ZIPPED = words(
    "cbz docm docx dotm dotx epub kmz odg odp ods odt ott potx ppsx pptm pptx vsdx "
    "whl xlsb xlsm xlsx xltx xpi zip"
)
CONTENT: dict[str, frozenset[str]] = {
    **dict.fromkeys(_ZIPPED, frozenset({ZIP, OLE})),  # OLE: with a password
    **dict.fromkeys(("doc", "dot"), frozenset({OLE, ZIP, "application/rtf", *MARKUP})),
    **dict.fromkeys(("pps", "ppt"), frozenset({OLE, ZIP})),
    **dict.fromkeys(("xls", "xlt"), frozenset({OLE, ZIP, *MARKUP})),
    **dict.fromkeys(("dll", "exe", "scr", "sys"), frozenset({WINDOWS_PROGRAM})),
    "7z": frozenset({"application/x-7z-compressed"}),
    "bz2": frozenset({"application/x-bzip2"}),
    "gz": frozenset({"application/gzip"}),
    "lnk": frozenset({"application/x-ms-shortcut"}),
    "pdf": frozenset({"application/pdf", "application/postscript"}),
    "rtf": frozenset({"application/rtf"}),
    "tgz": frozenset({"application/gzip"}),
    "xz": frozenset({"application/x-xz"}),
    **{name: types for name, types in RUNS_IN_BROWSER.items() if types},
}
"""What well-known extensions promise: content of another known type is in disguise."""

BROWSER_SUBTYPES = words(
    "related vnd.adobe.flash.movie x-mimearchive x-shockwave-flash"
)
DESKTOP_SUBTYPES = (
    "hta",
    "internet-shortcut",
    "vnd.ms-htmlhelp",
    "x-bat",
    "x-desktop",
    "x-java",
    "x-ms",
    "x-powershell",
    "x-sh",
    "x-vb",
    "x-win",
)
"""How types begin that systems give to what runs: few of them are registered."""

TEXTS = words("csv ini json log md text toml tsv txt yaml yml")


class ExtensionInspector:
    """Refuses a name whose extension promises something else than the content."""

    name = "Extension"
    slow = False

    def wants(self, sample: Sample) -> bool:
        return bool(extension_of(sample.filename)) and sample.byte_size > 0

    def inspect(self, sample: Sample) -> Verdict:
        reason = find_contradiction(
            sample.filename,
            declared=sample.content_type,
            detected=sample.detected_type,
        )
        return refused(reason) if reason else ACCEPTED


def find_contradiction(filename: str, *, declared: str, detected: str) -> str:
    """Return in words how a name contradicts its file's types, or ``""``.

    ``detected`` is empty where nothing is known of the content.
    """
    extension = extension_of(filename)
    declared = canonical(declared)
    if _runs(extension) and not _admits(declared, extension):
        announced = in_words(declared) or "something else"
        return (
            f"Its name ends in .{extension}, which is for programs and pages, but it "
            f"was announced as {announced} ({declared})."
        )
    if detected and _is_disguise(extension, detected):
        found = in_words(detected) or "something else"
        return f"Its name ends in .{extension}, but it looks like {found} ({detected})."
    return ""


def extension_of(filename: str) -> str:
    """Return what stands behind the last dot, in small letters, or ``""``."""
    stem, dot, extension = filename.rpartition(".")
    return extension.strip().lower() if dot and stem else ""


def _runs(extension: str) -> bool:
    return extension in RUNS_ON_DESKTOP or extension in RUNS_IN_BROWSER


def _admits(declared: str, extension: str) -> bool:
    """Return whether a type says, or leaves open, that it is something that runs."""
    if declared in UNCLAIMED | PROGRAMS | PROGRAM_NAMES | MARKUP:
        return True
    family, _, subtype = declared.partition("/")
    if subtype.endswith(("script", "+xml", "html")) or family == "message":
        return True
    if extension in RUNS_IN_BROWSER:
        return subtype in BROWSER_SUBTYPES
    return family in {"application", "text"} and subtype.startswith(DESKTOP_SUBTYPES)


def _is_disguise(extension: str, detected: str) -> bool:
    if extension in TEXTS:
        return detected in PROGRAMS - SCRIPTS
    if extension in _MEDIA:
        return detected.partition("/")[0] not in MEDIA or detected in MARKUP
    return extension in CONTENT and detected not in CONTENT[extension]
