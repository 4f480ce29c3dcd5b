"""Inspect real files and print the refused ones: real_files.py [--policy NAME] FOLDER...

The files should be harmless, so each refusal is probably a fault of a rule. The script
skips files that are broken on purpose, such as attacks in test data. bench/left_out.tsv
lists them with the reasons. The script inspects each file several times: with every type
that browsers on Linux, macOS and Windows declare for its ending, and with the site's own
type for its ending. It checks only the first bytes for disguises and images. With
--policy it also checks types. With --archives it also checks archives, which takes
longer.
"""

from __future__ import annotations

import argparse
import fnmatch
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django  # noqa: E402

django.setup()

from uploads.errors import ContentTypeNotAllowed  # noqa: E402
from uploads.inspection.archives import ArchiveInspector  # noqa: E402
from uploads.inspection.disguises import DisguiseInspector  # noqa: E402
from uploads.inspection.extensions import extension_of  # noqa: E402
from uploads.inspection.guesses import type_of  # noqa: E402
from uploads.inspection.images import ImageInspector  # noqa: E402
from uploads.inspection.verdicts import Inspector, Sample  # noqa: E402
from uploads.lifecycle.policy import Policy  # noqa: E402

DECLARED = ROOT / "tests" / "cases" / "declared.tsv"
SYSTEMS = ("linux", "macos", "windows")
LEFT_OUT = Path(__file__).with_name("left_out.tsv")
OFFICE = "application/vnd.openxmlformats-officedocument"
POLICIES = {
    "pictures": ("image/*",),
    "documents": (
        "application/pdf",
        "application/msword",
        "application/rtf",
        "application/vnd.ms-excel",
        "application/vnd.ms-powerpoint",
        f"{OFFICE}.wordprocessingml.document",
        f"{OFFICE}.spreadsheetml.sheet",
        f"{OFFICE}.presentationml.presentation",
        "application/vnd.oasis.opendocument.text",
        "application/vnd.oasis.opendocument.spreadsheet",
        "application/vnd.oasis.opendocument.presentation",
        "text/plain",
        "text/csv",
    ),
    "audio and video": ("audio/*", "video/*"),
}
BELONGS = {
    "pictures": "avif bmp cr2 cr3 dng gif heic heif jp2 jpeg jpg jxl nef orf pef png "
    "psd raf rw2 svg tga tif tiff webp xcf",
    "documents": "csv doc docx dot odp ods odt pdf ppt pptx pps rtf txt xls xlsx",
    "audio and video": "3gp aac aif aiff amr au avi flac flv m4a m4v mid mka mkv mov "
    "mp2 mp3 mp4 mpeg mpg oga ogg ogv opus wav weba webm wma wmv",
}


def declared_types() -> dict[str, tuple[str, ...]]:
    """Return, for each ending, the types that browsers on each system declare."""
    lines = DECLARED.read_text().splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return {ending: tuple(types) for ending, *types in rows if ending != "ending"}


def left_out(table: Path) -> list[tuple[re.Pattern[str], str]]:
    """Return patterns of paths, each with the reason why the script skips the files."""
    lines = table.read_text().splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [(re.compile(fnmatch.translate(glob)), reason) for glob, reason in rows]


def files_in(folders: list[str]) -> Iterator[Path]:
    for folder in folders:
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield path


def sample_of(path: Path, content_type: str) -> Sample:
    def read(start: int, length: int) -> bytes:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(length)

    return Sample(path.name, content_type, path.stat().st_size, read)


def refusals(sample: Sample, inspectors: list[Inspector]) -> Iterator[tuple[str, str]]:
    for inspector in inspectors:
        if inspector.wants(sample):
            verdict = inspector.inspect(sample)
            if not verdict.accepted:
                yield inspector.name, verdict.reason


def judge(
    path: Path,
    declared: tuple[str, ...],
    inspectors: list[Inspector],
    policy: Policy | None,
) -> tuple[set[tuple[str, str]], bool]:
    """Return the refusals of a file, and whether libmagic detects its type.

    Each refusal is the name of a rule and a reason.
    """
    types = {type_of(path.name), *(found for found in declared if found != "-")}
    shared: Sample | None = None
    told: set[tuple[str, str]] = set()
    for content_type in sorted(types):
        sample = sample_of(path, content_type)
        if shared is not None:  # detect the type only once, as the bytes are the same
            sample.__dict__["head"] = shared.head
            sample.__dict__["precise_type"] = shared.precise_type
        shared = sample
        told |= set(refusals(sample, inspectors))
        if policy is not None and sample.byte_size:
            try:
                policy.check_content(path.name, content_type, sample.precise_type)
            except ContentTypeNotAllowed as error:
                told.add(("Policy", error.detail))
    return told, bool(shared and shared.precise_type)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*")
    parser.add_argument("--policy", choices=POLICIES)
    parser.add_argument("--archives", action="store_true")
    parser.add_argument("--left-out", type=Path, default=LEFT_OUT)
    chosen = parser.parse_args()
    if not chosen.folders:
        print("Give one or more folders with real files as arguments.")
        return
    table = declared_types()
    policy = Policy(2**63, POLICIES[chosen.policy]) if chosen.policy else None
    belonging = set(BELONGS[chosen.policy].split()) if chosen.policy else None
    inspectors: list[Inspector] = [DisguiseInspector(), ImageInspector()]
    inspectors += [ArchiveInspector()] if chosen.archives else []
    excuses = left_out(chosen.left_out)
    excused: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    detected: Counter[str] = Counter()
    began, count = time.monotonic(), 0
    for path in files_in(chosen.folders):
        ending = extension_of(path.name)
        if belonging is not None and ending not in belonging:
            continue
        excuse = next((why for glob, why in excuses if glob.match(str(path))), "")
        if excuse:
            excused[excuse] += 1
            continue
        count += 1
        kinds[ending] += 1
        told, is_known = judge(path, table.get(ending, ()), inspectors, policy)
        detected["known" if is_known else "unknown"] += 1
        for rule, reason in sorted(told):
            print(f"{rule}\t{path}\t{reason}")
        rules.update({rule for rule, _ in told})
    seconds = time.monotonic() - began
    print(f"{count} files with {len(kinds)} endings in {seconds:.0f} s; refused by:")
    print(", ".join(f"{rule} {n}" for rule, n in rules.most_common()) or "nothing")
    for excuse, number in excused.most_common():
        print(f"left out: {number} files: {excuse}")
    print(f"type {dict(detected)}; endings {kinds.most_common(200)}")


if __name__ == "__main__":
    main()
