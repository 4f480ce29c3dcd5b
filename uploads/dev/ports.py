"""Finds free TCP ports on this machine's loopback address."""

from __future__ import annotations

import random
import socket
import time

HOST = "127.0.0.1"
_BELOW_EPHEMERAL = range(20_000, 32_000)
_BLOCK = 100

_spare: list[int] = []


def is_free(port: int) -> bool:
    """Return whether a server can listen on ``port`` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen()
        except OSError:
            return False
    return True


def is_answering(port: int) -> bool:
    """Return whether a program accepts connections on ``port`` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def wait_until_free(port: int, *, seconds: float) -> bool:
    """Wait at most ``seconds`` until ``port`` is free; return whether it is free."""
    deadline = time.monotonic() + seconds
    while not is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def free_ports(count: int) -> list[int]:
    """Return ``count`` free ports. Never returns a port twice.

    Each process claims blocks of 100 ports, so two processes never get the same port.
    All blocks are below the ephemeral ports, which the system uses for outgoing
    connections. Raises OSError if other processes have claimed all blocks.
    """
    found: list[int] = []
    while len(found) < count:
        if not _spare:
            _spare.extend(_claim_block())
        port = _spare.pop()
        if is_free(port):
            found.append(port)
    return found


def _claim_block() -> list[int]:
    """Claim a block of ports for this process, by binding its first UDP port."""
    starts = list(_BELOW_EPHEMERAL[::_BLOCK])
    random.shuffle(starts)
    for start in starts:
        claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            claim.bind((HOST, start))
        except OSError:
            claim.close()
            continue
        claim.detach()  # the socket stays open until this process ends
        block = list(range(start, start + _BLOCK))
        random.shuffle(block)
        return block
    raise OSError(
        f"Other processes have claimed all ports from {_BELOW_EPHEMERAL.start} to "
        f"{_BELOW_EPHEMERAL.stop - 1}. End some of these processes, then try again."
    )
