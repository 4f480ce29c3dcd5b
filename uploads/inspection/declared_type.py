"""The inspector that compares the first bytes with the declared type."""

from __future__ import annotations

from uploads.inspection.libmagic import detect_program
from uploads.inspection.signatures import MAGIC
from uploads.inspection.type_words import in_words
from uploads.inspection.verdicts import Sample, Verdict

RASTER_IMAGES = frozenset(
    {
        "image/avif",
        "image/bmp",
        "image/gif",
        "image/jpeg",
        "image/png",
        "image/webp",
    }
)
"""Images that browsers show and that cannot carry script: may be shown inline."""

PROGRAMS = frozenset(
    {
        "application/java-vm",
        "application/vnd.microsoft.portable-executable",
        "application/wasm",
        "application/x-elf",
        "application/x-httpd-php",
        "application/x-mach-binary",
        "application/x-ms-shortcut",
        "text/x-shellscript",
    }
)
SCRIPTS = frozenset({"application/x-httpd-php", "text/x-shellscript"})
PROGRAM_NAMES = frozenset(
    {
        "application/vnd.android.package-archive",
        "application/x-dosexec",
        "application/x-executable",
        "application/x-msdos-program",
        "application/x-msdownload",
        "application/x-pie-executable",
        "application/x-sharedlib",
    }
)
MARKUP = frozenset({"image/svg+xml", "text/html", "text/xml"})
UNCLAIMED = frozenset({"application/octet-stream", "binary/octet-stream"})

KNOWN_BY_SIGNATURE = frozenset(content_type for _, _, content_type in MAGIC) | {
    *RASTER_IMAGES,
    "image/heic",
    "image/heif",
    "audio/wav",
    "audio/mp4",
    "video/mp4",
    "video/quicktime",
    "video/x-msvideo",
    "video/webm",
}
"""Types that always begin with a signature of the table: none means: not that."""

MEDIA = frozenset({"image", "audio", "video"})

ALIASES = {
    "application/x-gzip": "application/gzip",
    "application/x-pdf": "application/pdf",
    "application/x-zip-compressed": "application/zip",
    "audio/mp3": "audio/mpeg",
    "audio/wave": "audio/wav",
    "audio/x-flac": "audio/flac",
    "audio/x-m4a": "audio/mp4",
    "audio/x-wav": "audio/wav",
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-icon": "image/vnd.microsoft.icon",
    "image/x-ms-bmp": "image/bmp",
    "image/x-png": "image/png",
    "video/avi": "video/x-msvideo",
}


class DeclaredTypeInspector:
    """Accepts an object whose first bytes agree with its declared type family.

    An empty object and one declared as plain bytes claim nothing, so there is
    nothing to contradict; such an object is only ever sent as a download.
    """

    name = "Declared type"
    slow = False

    def wants(self, sample: Sample) -> bool:
        return True

    def inspect(self, sample: Sample) -> Verdict:
        detected = sample.detected_type or detect_program(sample.head)
        declared = canonical(sample.content_type)
        if sample.byte_size == 0 or declared in UNCLAIMED or _agree(declared, detected):
            return Verdict(accepted=True, detected_type=detected)
        return Verdict(accepted=False, reason=_reason(declared, detected))


def canonical(content_type: str) -> str:
    """Return the registered name of a type that goes by several."""
    return ALIASES.get(content_type, content_type)


def _agree(declared: str, detected: str) -> bool:
    if declared == detected:
        return True
    if detected in PROGRAMS:
        return _names_program(declared, detected)
    if detected in MARKUP:
        return _takes_markup(declared)
    if declared in KNOWN_BY_SIGNATURE:
        return bool(detected) and _are_alike(declared, detected)
    if _family(declared) == "text":
        return not detected
    if _family(declared) in MEDIA:
        return not detected or _family(detected) in MEDIA
    return True


def _names_program(declared: str, detected: str) -> bool:
    # A program that says so is not in disguise; scripts go by many names.
    if declared in PROGRAMS | PROGRAM_NAMES:
        return True
    return detected in SCRIPTS and declared.startswith(("application/x-", "text/x-"))


def _are_alike(declared: str, detected: str) -> bool:
    if {declared, detected} == {"application/pdf", "application/postscript"}:
        return True  # Illustrator's files go by either
    families = {_family(declared), _family(detected)}
    # One container for both: a film without pictures is a sound.
    return len(families) == 1 or families == {"audio", "video"}


def _takes_markup(declared: str) -> bool:
    return declared.endswith(("xml", "html")) or declared in {
        "text/markdown",
        "text/x-markdown",
    }


def _family(content_type: str) -> str:
    family, _, subtype = content_type.partition("/")
    return family if family != "application" else subtype


def _reason(declared: str, detected: str) -> str:
    """Return the refusal in words for the person, with the types for the operator.

    The types stand in brackets at its end: the pages leave them out.
    """
    announced = in_words(declared) or "what it was announced as"
    if not detected:
        return f"It does not look like {announced} ({declared})."
    found = in_words(detected) or "something else"
    return f"It looks like {found}, not {announced} ({declared}, {detected})."
