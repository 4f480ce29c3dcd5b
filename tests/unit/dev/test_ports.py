"""Find free ports for the servers of the demo site."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading

from uploads.dev.ports import HOST, free_ports, is_free, wait_until_free

ASK = """
import sys
from uploads.dev.ports import free_ports
print(free_ports(150), flush=True)
sys.stdin.read()
"""


def test_port_in_use_is_not_free() -> None:
    with socket.create_server((HOST, 0)) as server:
        assert not is_free(server.getsockname()[1])


def test_free_ports_are_different_and_free() -> None:
    ports = free_ports(20)

    assert len(set(ports)) == 20
    assert all(is_free(port) for port in ports)


def test_no_port_is_returned_twice() -> None:
    assert set(free_ports(60)).isdisjoint(free_ports(60))


def test_concurrent_processes_get_different_ports() -> None:
    with asking() as one, asking() as other:
        given = {*free_ports(150)}
        for process in (one, other):
            assert process.stdout is not None
            given |= {*json.loads(process.stdout.readline())}
        for process in (one, other):
            process.communicate()

    assert len(given) == 450


def asking() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", ASK], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def test_wait_until_free_returns_as_soon_as_the_port_is_free() -> None:
    # Another process could take a port of the ephemeral range as soon as it is free.
    [port] = free_ports(1)
    server = socket.create_server((HOST, port))
    assert not wait_until_free(port, seconds=0)

    threading.Timer(0.1, server.close).start()

    assert wait_until_free(port, seconds=60)
