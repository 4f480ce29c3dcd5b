"""Measures uploads to an S3 server on this machine: our page, Uppy 6, other programs.

Run it with ``python bench/browser/loopback.py``. Options: --size-mib 512 --rounds 5
First, our page, Uppy, curl, boto3, rclone and s5cmd send one large file. Then our page,
bare PUTs and the same programs send 16 files of 16 MiB. At the end, our page with
CRC64NVME and curl send one large file.
"""

from __future__ import annotations

import argparse
import secrets
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.browser.support.command_line import command_line_programs
from bench.browser.support.files import MIB, large_file
from bench.browser.support.senders import (
    compare,
    middle,
    rows,
    senders,
)
from bench.report import Bar, report

PARTS = 16
PART_BYTES = 16 * MIB
CRC = "slipway, crc64nvme"


def one_part_files(folder: Path) -> list[str]:
    """Write 16 files of the size of one part, and return their paths."""
    paths = [folder / f"{secrets.token_hex(4)}.bin" for _ in range(PARTS)]
    for path in paths:
        path.write_bytes(secrets.token_bytes(PART_BYTES))
    return [str(path) for path in paths]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-mib", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with senders() as all_senders:
        programs = command_line_programs(all_senders)
        large = compare(
            {
                "slipway": all_senders.slipway,
                "uppy, multipart": lambda files: all_senders.uppy(
                    files, multipart=True
                ),
                "uppy, one PUT": lambda files: all_senders.uppy(files, multipart=False),
                "curl, one PUT": all_senders.curl,
            }
            | programs,
            large_file(options.size_mib * MIB),
            all_senders.site,
            options.rounds,
        )
        parts = compare(
            {
                "16 files, slipway": all_senders.slipway,
                "16 files, bare": all_senders.bare_puts,
                "16 files, curl": all_senders.curl,
            }
            | {f"16 files, {name}": send for name, send in programs.items()},
            one_part_files,
            all_senders.site,
            options.rounds,
        )
    # Start another site, because the checksum algorithm is a setting of the whole site.
    with senders(UPLOADS_CHECKSUM="crc64nvme") as fast_senders:
        fast = compare(
            {CRC: fast_senders.slipway, f"curl beside {CRC}": fast_senders.curl},
            large_file(options.size_mib * MIB),
            fast_senders.site,
            options.rounds,
        )
    ours = middle(large["slipway"])
    sixteen, bare, curl = (
        middle(parts[f"16 files, {name}"]) for name in ("slipway", "bare", "curl")
    )
    report(
        "loopback",
        rows(large | parts | fast),
        [
            Bar(
                "uppy, multipart / slipway",
                middle(large["uppy, multipart"]) / ours,
                1.5,
            ),
            Bar("uppy, one PUT / slipway", middle(large["uppy, one PUT"]) / ours),
            Bar("curl, one PUT / slipway", middle(large["curl, one PUT"]) / ours),
            *(
                Bar(f"{name} / slipway", middle(large[name]) / ours)
                for name in programs
            ),
            Bar("16 files of one part, curl / slipway", curl / sixteen, 0.45),
            Bar("16 files of one part, bare / slipway", bare / sixteen, 0.55),
            Bar("16 files of one part, curl / bare", curl / bare),
            *(
                Bar(
                    f"16 files of one part, {name} / slipway",
                    middle(parts[f"16 files, {name}"]) / sixteen,
                )
                for name in programs
            ),
            Bar(
                f"curl / {CRC}",
                middle(fast[f"curl beside {CRC}"]) / middle(fast[CRC]),
                0.55,  # The goal of 0.85 needs more than two cores: docs/performance.md
            ),
        ],
    )


if __name__ == "__main__":
    main()
