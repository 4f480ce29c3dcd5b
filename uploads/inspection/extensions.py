"""Lists the extensions of file names by kind, such as documents and programs.

``RUNNABLE`` is the site's only list of extensions of files that can run. The upload
page uses this list too. The list contains the extensions that Outlook and Chromium
block and the extensions that Linux and macOS run. The list does not contain
certificates, databases and disk images, because people exchange these files as data.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache


def words(text: str) -> frozenset[str]:
    """Return the words of ``text`` as a set."""
    return frozenset(text.split())


PAGES = words("htm html mht mhtml shtml svg svgz xht xhtm xhtml")
"""Files that a browser opens. Their scripts have no access to the operating system."""

RUNNABLE = words(
    "action ade adp apk app appimage application appref-ms appx appxbundle "
    "appinstaller bas bat bgi chm cmd cnt com command cpl crx csh desktop diagcab dmp "
    "exe fxp gadget grp hlp hpj hta htc inf ins isp its jar jnlp js jse ksh library-ms "
    "lnk mad maf mag mam maq mar mas mau mav maw mcf mde mjs msc msh msh1 msh1xml msh2 "
    "msh2xml mshxml msi msix msixbundle msp mst msu ops osd pcd pif pl plg prf prg "
    "printerexport ps1 ps1xml ps2 ps2xml psc1 psc2 psd1 psdm1 psm1 py pyc pyo pyw pyz "
    "pyzw rdp reg run scf scptd scpt scr sct search-ms searchconnector-ms "
    "settingcontent-ms sh shb shs swf terminal theme themepack tool udl url vb vbe vbp "
    "vbs vsmacros vsto vsw webloc webpnp website widget workflow ws wsc wsf wsh xbap "
    "xll xnk"
)
"""Files that run on a double click, or that make another program run code."""

DOCUMENTS = words(
    "csv doc docm docx dot dotm dotx eml epub mobi msg numbers odg odp ods odt one otp "
    "ots ott pages pdf pot potx pps ppsx ppt pptm pptx pub rtf tsv txt vsd vsdx wpd wps "
    "xls xlsb xlsm xlsx xlt xltx xps"
)
IMAGES = words(
    "apng avif bmp cr2 cr3 crw dcm dib dng emf gif heic heics heif heifs hif ico j2k jfif "
    "jp2 jpe jpeg jpf jpg jpm jpx jxl jxr nef nrw orf pbm pcx pef pgm png pnm ppm psb psd "
    "raf raw rw2 srw tga tif tiff webp wmf xcf"
)
SOUNDS_AND_FILMS = words(
    "3g2 3gp 3gpp aac ac3 aif aifc aiff amr ape asf au avi caf divx dts f4v flac flv m2ts "
    "m2v m4a m4b m4p m4r m4v mid midi mka mkv mov mp2 mp3 mp4 mpa mpeg mpg mxf oga ogg "
    "ogm ogv opus qt ra rm rmvb snd spx vob wav wave weba webm wma wmv wv"
)
MEDIA = IMAGES | SOUNDS_AND_FILMS
ARCHIVES = words(
    "7z ace alz ar arc arj bz bz2 cab cbr cbz cpio deb dmg ear gz iso jar kmz lha lz lz4 "
    "lzh lzma lzo rar rpm sit sitx tar taz tb2 tbz tbz2 tgz tlz txz tzst udf war whl xar "
    "xpi xz z zip zipx zst"
)
TEXTS = words(
    "bib c cc cfg conf cpp css cue diff go h hpp ics ini java json jsonl kml gpx lng log "
    "lua m3u m3u8 markdown md nfo nzb org patch php plist po properties rb rs rst "
    "rtx sql srt sub tex text toml ts tsx vcf vcs vtt xml xsd xsl yaml yml"
)
DATA = words(
    "3ds 3mf accdb afdesign afphoto ai asc ass atom avro blend bson cdr cer crt csr dae "
    "dbf dgn dwf dwg dxf enex eps epsf fbx fdf feather fig fits geojson glb gltf gpg h5 "
    "hdf5 igs iges indd ipynb jks kdbx keynote kra las laz lyx mbox mdb mus musicxml mxl "
    "ndjson npy npz opml opus ora p12 p7b p7m p7s parquet pcap pcapng pem pfx pgp pickle "
    "pkl ply prproj ps rss sav sketch skp sldprt sqlite sqlite3 ssa step stl stp sty tcx "
    "torrent vhdx vmdk wk1 wks xd xmind xmp"
)
"""Endings of drawings, models, tables and keys. Programs never have these endings."""

FONTS = words("eot otf ttc ttf woff woff2")

AMBIGUOUS = words("m mod mpp mts ora sub ts")
"""Endings of sounds, films and images that other kinds of files have too."""

_SHARED_CODE = "application/x-elf"
FITS: dict[str, frozenset[str]] = {
    "application/vnd.microsoft.portable-executable": words(
        "acm ax bin bpl com cpl dll drv efi exe flt fon icl img mui node ocx pyd rll rom "
        "scr sfx so sys tlb tsp vbx vxd winmd wll xll"
    ),
    _SHARED_CODE: words(
        "appimage axf bin cgi debug elf exe img ko mex mod node o oct out prx puff rom run "
        "so"
    ),
    "application/x-mach-binary": words("bin bundle dylib framework node o out so"),
    "application/x-ms-shortcut": words("lnk"),
    "application/java-vm": words("class"),
    "application/wasm": words("wasm"),
    "application/vnd.android.dex": words("dex odex"),
    "application/vnd.ms-htmlhelp": words("chi chm chq chw its"),
    "application/x-applescript": words("scpt scptd"),
    "application/x-msi": words("msi msm msp mst pcp"),
    "application/x-shockwave-flash": words("spl swf"),
}
"""For each type of program, the endings that such programs usually have."""

_COPY_NUMBER = re.compile(
    r"(?<!\s)\s*+(?:\(\d{1,4}\)|(?:- )?(?:copy|copia|copie|kopie)(?: \(?\d{1,4}\)?)?)$"
)
"""Text that systems append to the name of a copy, such as "(1)" or " copy 2"."""


_FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0\u034f\u17b4\u17b5")
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Mn", "Zl", "Zp"})


def visible(filename: str) -> str:
    """Return the name without invisible characters, as people and systems read it.

    Also removes dots and spaces at the end, because Windows ignores them.
    """
    if filename.isascii() and filename.isprintable():
        return filename.rstrip(" .")
    seen = "".join(
        " " if char.isspace() or char in _FILLERS else char
        for char in filename
        if unicodedata.category(char) not in _UNSEEN or char.isspace()
    )
    return seen.rstrip(" .")


@lru_cache(maxsize=64)
def endings_of(filename: str) -> tuple[str, ...]:
    """Return all endings of a name, in lower case.

    For ``report.pdf.exe`` it returns ``pdf`` and ``exe``. For ``report.pdf (1).exe``
    the result is the same, because this function ignores the number of a copy.
    """
    parts = visible(filename).lower().lstrip(".").split(".")[1:]
    endings = (_COPY_NUMBER.sub("", part.strip()).strip() for part in parts)
    return tuple(ending for ending in endings if ending)


def extension_of(filename: str) -> str:
    """Return the last ending of a name, in lower case, or ``""``."""
    endings = endings_of(filename)
    return endings[-1] if endings else ""
