"""Makes the files that the benchmarks send. All files have random bytes and new names."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

MIB = 2**20


def small_files(count: int, byte_size: int = 10_000) -> Callable[[Path], list[str]]:
    """Return a function that makes files with random bytes and new names."""

    def make(folder: Path) -> list[str]:
        tag = secrets.token_hex(4)
        paths = [folder / f"{tag}-{number:05}.bin" for number in range(count)]
        for path in paths:
            path.write_bytes(secrets.token_bytes(byte_size))
        return [str(path) for path in paths]

    return make


def large_file(byte_size: int) -> Callable[[Path], list[str]]:
    """Return a function that makes one file. Each MiB of the file is different."""

    def make(folder: Path) -> list[str]:
        path = folder / f"{secrets.token_hex(4)}.bin"
        block = secrets.token_bytes(MIB)
        with path.open("wb") as file:
            for number in range(byte_size // MIB):
                file.write(number.to_bytes(8, "big") + block[8:])
        return [str(path)]

    return make
