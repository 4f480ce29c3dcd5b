"""What the embedded servers rely on when they choose their ports."""

from __future__ import annotations

import socket

from uploads.dev.ports import HOST, free_ports, is_free


def test_a_port_that_something_listens_on_is_not_free() -> None:
    with socket.create_server((HOST, 0)) as server:
        assert not is_free(server.getsockname()[1])


def test_free_ports_are_different_and_free() -> None:
    ports = free_ports(20)

    assert len(set(ports)) == 20
    assert all(is_free(port) for port in ports)
