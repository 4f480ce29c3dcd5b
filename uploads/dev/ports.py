"""TCP ports on this machine's loopback address."""

from __future__ import annotations

import random
import socket

HOST = "127.0.0.1"
_BELOW_EPHEMERAL = range(20_000, 32_000)


def is_free(port: int) -> bool:
    """Return whether a server could listen on ``port`` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen()
        except OSError:
            return False
    return True


def is_answering(port: int) -> bool:
    """Return whether something accepts connections on ``port`` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def free_ports(count: int) -> list[int]:
    """Return ``count`` different free ports.

    They lie below the range from which systems pick the local ports of outgoing
    connections, so that none is taken between this answer and its use.
    """
    found: set[int] = set()
    while len(found) < count:
        port = random.choice(_BELOW_EPHEMERAL)
        if is_free(port):
            found.add(port)
    return list(found)
