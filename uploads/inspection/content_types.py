"""Groups content types into families, and decides which types are safe to serve."""

from __future__ import annotations

from uploads.inspection.extensions import DOCUMENTS, FONTS, words

UNKNOWN = "application/octet-stream"
UNCLAIMED = frozenset({"", UNKNOWN, "binary/octet-stream"})

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
"""Images that pages may show inline, because browsers run no scripts in them."""

ACTIVE_CONTENT_TYPES = frozenset(
    {
        "application/ecmascript",
        "application/hta",
        "application/javascript",
        "application/mathml+xml",
        "application/pdf+html",
        "application/x-ecmascript",
        "application/x-httpd-php",
        "application/x-javascript",
        "application/x-mimearchive",
        "application/x-php",
        "application/x-shockwave-flash",
        "application/xml",
        "application/xml-dtd",
        "image/svg+xml",
        "image/svg",
        "message/rfc822",
        "multipart/related",
        "multipart/x-mixed-replace",
        "text/cache-manifest",
        "text/ecmascript",
        "text/html",
        "text/javascript",
        "text/javascript1.0",
        "text/javascript1.1",
        "text/javascript1.2",
        "text/javascript1.3",
        "text/javascript1.4",
        "text/javascript1.5",
        "text/jscript",
        "text/livescript",
        "text/php",
        "text/vbscript",
        "text/x-ecmascript",
        "text/x-javascript",
        "text/x-php",
        "text/xml",
        "text/xsl",
    }
)
"""Types whose content a browser may run.

For files of these types and of all ``+xml`` types, S3 stores the type
``application/octet-stream``.
"""

ALIASES = {
    "application/ecmascript": "text/javascript",
    "application/encrypted": "application/x-ole-storage",
    "application/javascript": "text/javascript",
    "application/mspowerpoint": "application/vnd.ms-powerpoint",
    "application/vnd.adobe.illustrator": "application/illustrator",
    "application/vnd.rn-realmedia": "video/vnd.rn-realvideo",
    "application/vnd.microsoft.icon": "image/vnd.microsoft.icon",
    "application/x-bzip": "application/x-bzip2",
    "application/x-compressed": "application/gzip",
    "application/x-compressed-tar": "application/gzip",
    "application/x-dosexec": "application/vnd.microsoft.portable-executable",
    "application/x-javascript": "text/javascript",
    "application/x-gzip": "application/gzip",
    "application/x-lzh-compressed": "application/x-lha",
    "application/x-pdf": "application/pdf",
    "application/x-rar": "application/vnd.rar",
    "application/x-rar-compressed": "application/vnd.rar",
    "application/x-sqlite3": "application/vnd.sqlite3",
    "application/x-zip-compressed": "application/zip",
    "application/x-zstd": "application/zstd",
    "application/CDFV2": "application/x-ole-storage",
    "application/csv": "text/csv",
    "application/x-ndjson": "application/json",
    "application/x-font-sfn": "font/sfnt",
    "application/x-font-ttf": "font/ttf",
    "application/font-sfnt": "font/sfnt",
    "application/vnd.ms-opentype": "font/otf",
    "audio/mp3": "audio/mpeg",
    "audio/vnd.wave": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/x-aiff": "audio/aiff",
    "audio/x-flac": "audio/flac",
    "audio/x-hx-aac-adts": "audio/aac",
    "audio/x-m4a": "audio/mp4",
    "audio/x-midi": "audio/midi",
    "audio/x-wav": "audio/wav",
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/svg": "image/svg+xml",
    "image/x-bmp": "image/bmp",
    "image/x-eps": "application/postscript",
    "image/x-icon": "image/vnd.microsoft.icon",
    "image/x-ms-bmp": "image/bmp",
    "image/x-png": "image/png",
    "text/rtf": "application/rtf",
    "text/x-markdown": "text/markdown",
    "video/x-jng": "image/x-jng",
    "video/x-mng": "image/x-mng",
    "video/avi": "video/x-msvideo",
    "video/vnd.avi": "video/x-msvideo",
    "video/x-m4v": "video/mp4",
}
"""Other names of types in browsers and libmagic. The value is the type's main name."""

PROGRAMS = frozenset(
    {
        "application/java-vm",
        "application/vnd.android.dex",
        "application/vnd.microsoft.portable-executable",
        "application/vnd.ms-htmlhelp",
        "application/wasm",
        "application/x-applescript",
        "application/x-elf",
        "application/x-mach-binary",
        "application/x-ms-shortcut",
        "application/x-executable",
        "application/x-msdos-program",
        "application/x-msdownload",
        "application/x-msi",
        "application/x-object",
        "application/x-pie-executable",
        "application/x-sharedlib",
        "application/x-shellscript",
        "application/x-shockwave-flash",
        "application/x-httpd-php",
        "text/x-shellscript",
    }
)

_DOCUMENTS = frozenset(
    {
        "application/dvi",
        "application/epub+zip",
        "application/illustrator",
        "application/msword",
        "application/oxps",
        "application/pdf",
        "application/postscript",
        "application/rtf",
        "application/vnd.lotus-1-2-3",
        "application/vnd.ms-outlook",
        "application/vnd.wordperfect",
        "application/x-abiword",
        "application/x-dvi",
        "application/x-gnumeric",
        "application/x-mobipocket-ebook",
        "application/x-ole-storage",
        "application/x-tex",
        "image/vnd.djvu",
    }
)
_DOCUMENT_STARTS = (
    "application/vnd.oasis.opendocument.",
    "application/vnd.openxmlformats-officedocument.",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.ms-word",
    "application/vnd.ms-visio",
    "application/vnd.sun.xml.",
    "application/vnd.stardivision.",
    "application/vnd.apple.",
    "application/x-iwork-",
)
_ARCHIVE_SUBTYPES = words(
    "gzip java-archive vnd.android.package-archive vnd.debian.binary-package "
    "vnd.ms-cab-compressed vnd.rar x-7z-compressed x-ace x-ace-compressed x-alz x-apple-diskimage "
    "x-ar x-arc x-archive x-arj x-bzip2 x-cab x-cd-image x-compress x-cpio "
    "x-debian-package x-gtar x-iso9660-image x-java-archive x-lha x-lrzip x-lz4 x-lzip "
    "x-lzma x-lzop x-redhat-package-manager x-rpm x-stuffit x-tar x-xar x-xz x-zip "
    "x-zoo zip zlib zstd"
)

PACKED = "application/zip"
OLE = "application/x-ole-storage"


def canonical(content_type: str) -> str:
    """Return the main name of a type that has several names."""
    return ALIASES.get(content_type, content_type)


def family_of(content_type: str) -> str:
    """Return the family of a type.

    An upload policy allows content only if the detected type has the family of an
    allowed type.

    Sounds and films are one family, because some file formats contain both. All
    archives are one family. All documents are one family. Other application types have
    the family ``"data"``.
    """
    content_type = canonical(content_type)
    group, _, subtype = content_type.partition("/")
    if content_type in UNCLAIMED:
        return ""
    if content_type in PROGRAMS:
        return "program"
    if content_type in _DOCUMENTS or content_type.startswith(_DOCUMENT_STARTS):
        return "document"
    if group in {"audio", "video"}:
        return "media"
    if group == "application":
        return "archive" if subtype in _ARCHIVE_SUBTYPES else "data"
    return group


def may_run(content_type: str) -> bool:
    """Return whether a browser may run content that is served with this type."""
    return content_type in ACTIVE_CONTENT_TYPES or content_type.endswith("+xml")


def stored_type(content_type: str) -> str:
    """Return the type that S3 stores for a declared type.

    The signature of an upload URL covers this type.
    """
    return UNKNOWN if may_run(content_type) else content_type


def served_type(content_type: str, detected_type: str) -> str:
    """Return the Content-Type of a download.

    Normally this is the detected type. If the detected type is unknown, a program, or a
    type that browsers may run, the result is ``application/octet-stream``. libmagic
    only guesses the kind of a text. So a text is served with its declared type if the
    declared type is a text type that no browser runs. Other texts are served as
    ``text/plain``. A ZIP archive is served with its declared type if files of the
    declared type are ZIP archives.
    """
    declared, detected = canonical(content_type), canonical(detected_type)
    if detected in UNCLAIMED or may_run(detected) or family_of(detected) == "program":
        return UNKNOWN
    if detected.startswith("text/"):
        is_text = declared.startswith("text/") and not may_run(declared)
        return declared if is_text else "text/plain"
    if detected == PACKED and is_packed(declared):
        return declared
    return detected


def is_packed(content_type: str) -> bool:
    """Return whether files of this type are ZIP archives, such as Office documents."""
    return (
        content_type.endswith("+zip")
        or "opendocument" in content_type
        or "openxmlformats" in content_type
    )


def belongs_to(extension: str) -> str:
    """Return the family of an extension whose files may be detected as archives.

    Returns ``""`` for all other extensions.
    """
    if extension in DOCUMENTS:
        return "document"
    if extension == "svgz":
        return "image"
    return "font" if extension in FONTS else ""
