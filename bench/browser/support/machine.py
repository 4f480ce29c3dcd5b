"""Reads the CPU time and the memory of processes from /proc."""

from __future__ import annotations

import os
import resource
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(*roots: int) -> float:
    """Return the CPU seconds of these processes and of all their descendants."""
    stats = _stats()
    # Fields 11 to 14: user and system time of the process and its ended children.
    return sum(
        sum(map(int, fields[11:15])) / _TICKS
        for pid, fields in stats.items()
        if _is_under(pid, set(roots), stats)
    )


def child_cpu_seconds() -> float:
    """Return the CPU seconds of all child processes of this process that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def resident_bytes(pid: int) -> int:
    """Return the physical memory of a process in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def largest_resident_bytes(root: int, word: str) -> int:
    """Return the memory of the largest descendant with ``word`` in its command."""
    stats = _stats()
    sizes = [0]
    for pid in stats:
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            if word.encode() in command and _is_under(pid, {root}, stats):
                sizes.append(resident_bytes(pid))
        except (OSError, IndexError):
            continue  # the process has ended
    return max(sizes)


def _stats() -> dict[int, list[str]]:
    """Return, for each process, the fields of /proc/PID/stat after the command."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            stat = (folder / "stat").read_text()
        except OSError:
            continue  # the process has ended
        found[int(folder.name)] = stat.rpartition(")")[2].split()
    return found


def _is_under(pid: int, roots: set[int], stats: dict[int, list[str]]) -> bool:
    while pid in stats:
        if pid in roots:
            return True
        pid = int(stats[pid][1])
    return False
