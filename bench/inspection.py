"""Compare the inspection of small files with libmagic alone: inspection.py [FOLDER...]

The script runs the same inspection as for an upload, with all quick inspectors and with
libmagic in a child process. Then it runs only libmagic in this process, on the same
first bytes. All reads come from memory, so the result does not include the time of S3.
The script also prints the number of reads. The unit is CPU time, because other programs
on the machine hardly change it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django  # noqa: E402

django.setup()

from uploads.inspection import detector_child, pipeline  # noqa: E402
from uploads.inspection.active_content import is_text  # noqa: E402
from uploads.inspection.detection import HEAD_BYTES, TEXT_BYTES  # noqa: E402
from uploads.inspection.detector import detector  # noqa: E402
from uploads.inspection.guesses import type_of  # noqa: E402
from uploads.inspection.verdicts import Sample  # noqa: E402

FOLDERS = (ROOT / "docs", ROOT / "static", "/usr/share/doc", "/usr/share/icons")
SMALL = 64 * 1024
MOST_FILES = 400
FROM_ONE_FOLDER = 8
ROUNDS = 7
MAX_RATIO = 1.5


def small_files(folders: list[str]) -> dict[Path, bytes]:
    """Return small files with contents, at most FROM_ONE_FOLDER from each folder."""
    found: dict[Path, bytes] = {}
    for folder in folders:
        for place, _, names in os.walk(folder):
            for name in sorted(names)[:FROM_ONE_FOLDER]:
                path = Path(place, name)
                if path.is_file() and 0 < path.stat().st_size <= SMALL:
                    found[path] = path.read_bytes()
    step = max(1, len(found) // MOST_FILES)
    return dict(list(found.items())[::step])


def detected_part(head: bytes) -> bytes:
    """Return the part of the first bytes that the inspection gives to libmagic."""
    return head[:TEXT_BYTES] if is_text(head) else head


def seconds(act: Callable[[], None]) -> float:
    """Return the CPU seconds of ``act`` in this process and in the child process."""
    began = time.process_time() + seconds_of_child()
    act()
    return time.process_time() + seconds_of_child() - began


def seconds_of_child() -> float:
    """Return the CPU seconds that the child process has used. This needs Linux."""
    child = detector._child  # noqa: SLF001
    if child is None:
        return 0
    pid = child._process.pid  # noqa: SLF001
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", default=[str(path) for path in FOLDERS])
    files = small_files(parser.parse_args().folders)
    if not files:
        print("No small files in these folders.")
        return 1
    magic = detector_child._library()  # type: ignore[no-untyped-call]  # noqa: SLF001
    cookie = magic.magic_open(detector_child.FLAGS)
    magic.magic_load(cookie, None)
    heads = [detected_part(content[:HEAD_BYTES]) for content in files.values()]
    reads = []

    def inspect_all() -> None:
        for path, content in files.items():

            def read(start: int, length: int, content: bytes = content) -> bytes:
                reads.append(length)
                return content[start : start + length]

            sample = Sample(path.name, type_of(path.name), len(content), read)
            pipeline.inspect(sample)

    def detect_all() -> None:
        for head in heads:
            with contextlib.suppress(magic.MagicException):
                magic.magic_buffer(cookie, head)

    inspect_all()  # the first call starts the child process, so do not measure it
    detect_all()
    reads.clear()
    best_detecting = best_inspecting = float("inf")
    for number in range(ROUNDS):
        detecting = seconds(detect_all) / len(files) * 1000
        inspecting = seconds(inspect_all) / len(files) * 1000
        best_detecting = min(best_detecting, detecting)
        best_inspecting = min(best_inspecting, inspecting)
        print(
            f"round {number + 1}: inspection {inspecting:.3f} ms/file, libmagic alone "
            f"{detecting:.3f} ms, ratio {inspecting / detecting:.2f}"
        )
    # Compare the fastest rounds, because a busy machine makes single rounds slower.
    ratio = best_inspecting / best_detecting
    print(
        f"{len(files)} files of at most {SMALL // 1024} KiB, "
        f"{len(reads) / len(files) / ROUNDS:.2f} reads per file. Ratio of the "
        f"fastest rounds: {ratio:.2f}. Limit: {MAX_RATIO}."
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
