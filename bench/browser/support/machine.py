"""Reads the CPU time and the memory of processes from /proc."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(*roots: int) -> float:
    """Return the CPU seconds of these processes and of all their descendants."""
    parents, used = {}, {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            stat = (folder / "stat").read_text()
        except OSError:
            continue  # the process has ended
        fields = stat.rpartition(")")[2].split()
        pid = int(folder.name)
        parents[pid] = int(fields[1])
        # Fields 11 to 14: user and system time of the process and its ended children.
        used[pid] = sum(map(int, fields[11:15])) / _TICKS
    return sum(
        seconds for pid, seconds in used.items() if _is_under(pid, set(roots), parents)
    )


def resident_bytes(pid: int) -> int:
    """Return the physical memory of a process in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _is_under(pid: int, roots: set[int], parents: dict[int, int]) -> bool:
    while pid in parents:
        if pid in roots:
            return True
        pid = parents[pid]
    return False
