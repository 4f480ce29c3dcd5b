"""Provide the first bytes of files of many types. The programs are incomplete."""

from __future__ import annotations

import struct

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + bytes(13)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
GIF = b"GIF89a\x01\x00\x01\x00\x80\x00\x00"
WEBP = b"RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f" + bytes(13)
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
ZIP = b"PK\x03\x04\x14\x00\x00\x00\x08\x00"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500)
GZIP = b"\x1f\x8b\x08\x00" + bytes(16)
HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"
TIFF = b"II*\x00" + bytes(60)
MP4 = b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41"
WEBM = b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm"
SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>'
PLAIN_SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>\n'
HTML = b"<!DOCTYPE html><html><body>hello</body></html>"
WORDS = b"just words, and no more of them\n"

PE = b"MZ" + bytes(58) + b"\x40\x00\x00\x00PE\x00\x00\x64\x86" + bytes(400)
EXE = b"MZ\x90\x00\x03\x00\x00\x00" + bytes(56)
ELF = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 2, 62, 1) + bytes(40)
MACH_O = struct.pack("<6I", 0xFEEDFACF, 0x01000007, 3, 2, 0, 0) + bytes(40)
FAT_MACH_O = struct.pack(">7I", 0xCAFEBABE, 2, 7, 3, 4096, 4096, 12) + bytes(40)
FAT_64 = struct.pack(">7I", 0xCAFEBABF, 1, 0x01000007, 3, 0, 4096, 0) + bytes(40)
SHORTCUT = b"L\x00\x00\x00\x01\x14\x02\x00\x00\x00\x00\x00\xc0" + bytes(6) + b"F"
JAVA_CLASS = struct.pack(">IHH", 0xCAFEBABE, 0, 52) + b"\x00\x10" + bytes(40)
WASM = b"\x00asm\x01\x00\x00\x00"
DEX = b"dex\n035\x00" + bytes(40)

SHELL = b"#!/bin/sh\necho hello\n"
PHP = b"<?php system($_GET[0]); ?>\n"
WEBLOC = (
    b'<?xml version="1.0"?><plist version="1.0"><dict><key>URL</key>'
    b"<string>https://example.org/</string></dict></plist>\n"
)
