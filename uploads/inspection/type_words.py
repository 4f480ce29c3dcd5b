"""Names of content types for messages to users."""

from __future__ import annotations

from uploads.inspection.guesses import ending_of

IN_WORDS = {
    "application/gzip": "a compressed file",
    "application/java-vm": "a Java program",
    "application/msword": "a Word document",
    "application/pdf": "a PDF document",
    "application/postscript": "a PostScript document",
    "application/rtf": "an RTF document",
    "application/vnd.android.package-archive": "an Android app",
    "application/vnd.android.dex": "an Android program",
    "application/vnd.apache.parquet": "a Parquet table",
    "application/vnd.microsoft.portable-executable": "a Windows program",
    "application/vnd.ms-excel": "an Excel sheet",
    "application/vnd.ms-powerpoint": "a PowerPoint presentation",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": (
        "a PowerPoint presentation"
    ),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": (
        "an Excel sheet"
    ),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": (
        "a Word document"
    ),
    "application/vnd.rar": "a RAR archive",
    "application/vnd.sqlite3": "an SQLite database",
    "application/vnd.ms-htmlhelp": "a Windows help file, which can run programs",
    "application/wasm": "a WebAssembly program",
    "application/x-7z-compressed": "a 7z archive",
    "application/x-applescript": "a macOS script",
    "application/x-archive": "a Unix archive",
    "application/x-bzip2": "a compressed file",
    "application/x-dosexec": "a Windows program",
    "application/x-elf": "a Linux program",
    "application/x-executable": "a Linux program",
    "application/x-httpd-php": "a PHP script",
    "application/x-mach-binary": "a macOS program",
    "application/x-ms-shortcut": "a Windows shortcut",
    "application/x-msdos-program": "a Windows program",
    "application/x-msdownload": "a Windows program",
    "application/x-msi": "a Windows installer",
    "application/x-ole-storage": "an old Office document",
    "application/x-pie-executable": "a Linux program",
    "application/x-rpm": "an RPM package",
    "application/x-sharedlib": "a Linux program",
    "application/x-shockwave-flash": "a Flash film, which can run programs",
    "application/x-tar": "a tar archive",
    "application/x-xz": "a compressed file",
    "application/zip": "a ZIP archive",
    "application/zstd": "a compressed file",
    "audio/midi": "a MIDI file",
    "audio/mpeg": "an MP3 sound",
    "image/avif": "an AVIF image",
    "image/bmp": "a BMP image",
    "image/gif": "a GIF image",
    "image/heic": "an HEIC photo",
    "image/heif": "an HEIF photo",
    "image/jp2": "a JPEG 2000 image",
    "image/jpeg": "a JPEG image",
    "image/jxl": "a JPEG XL image",
    "image/png": "a PNG image",
    "image/svg+xml": "an SVG drawing, which can contain scripts",
    "image/tiff": "a TIFF image",
    "image/vnd.adobe.photoshop": "a Photoshop image",
    "image/vnd.microsoft.icon": "an icon",
    "image/webp": "a WebP image",
    "text/csv": "a CSV table",
    "text/html": "a web page",
    "text/markdown": "a Markdown text",
    "text/plain": "plain text",
    "text/x-bat": "a Windows batch file",
    "text/x-desktop": "a Linux shortcut",
    "text/x-ms-regedit": "a file of Windows settings",
    "text/x-mswinurl": "a Windows link",
    "text/x-shellscript": "a script",
    "text/xml": "an XML document",
    "video/mp4": "an MP4 video",
    "video/quicktime": "a QuickTime video",
    "video/webm": "a WebM video",
    "video/x-matroska": "a Matroska video",
    "video/x-msvideo": "an AVI video",
}
FAMILY_WORDS = {
    "audio": "a sound",
    "font": "a font",
    "image": "an image",
    "text": "a text",
    "video": "a video",
}
SPOKEN_WITH_AN = frozenset("AEFHILMNORSX8")


def in_words(content_type: str) -> str:
    """Return a name for a content type, such as "a PDF document", or ``""``."""
    if content_type in IN_WORDS:
        return IN_WORDS[content_type]
    family = content_type.partition("/")[0]
    if family in FAMILY_WORDS:
        return FAMILY_WORDS[family]
    ending = ending_of(content_type).removeprefix(".").upper()
    if not ending:
        return ""
    return f"{'an' if ending[0] in SPOKEN_WITH_AN else 'a'} {ending} file"
