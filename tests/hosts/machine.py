"""A machine on which a reader has followed a tutorial."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.hosts.pages import Block, as_script, blocks, with_values
from tests.hosts.sandbox import Sandbox, SandboxError, copy_of_the_tree, fresh_root
from tests.support.mail_server import MailServer

SITE = "files.example.com"
STORE = "store.example.net"
ADMIN_EMAIL = "operator@example.com"
PORTS = (80, 443, 5432, 8333)
SOURCE = "/root/source"
OUTPUTS = "/root/outputs"


@dataclass(frozen=True)
class Machine:
    """The machine, its mail server, and the blocks of commands that were run."""

    sandbox: Sandbox
    mail_server: MailServer
    blocks: list[Block]

    def output_of(self, command: str) -> str:
        """Return the output of the block that has ``command``."""
        [number] = [n for n, b in enumerate(self.blocks) if command in b.text]
        return self.sandbox.read(f"{OUTPUTS}/{number}")

    def manage(self, *command: str) -> str:
        """Run a management command in the same way as the page."""
        return self.sandbox.run("slipway-manage", *command)


@contextmanager
def followed(page: str) -> Iterator[Machine]:
    """Run all blocks of a page except the section "Upgrade"."""
    _require_free_ports()
    parts = [block for block in blocks(page) if block.heading != "Upgrade"]
    with fresh_root() as sandbox, _mail_server() as mail_server:
        values = {
            "SITE": SITE,
            "STORE": STORE,
            "ADMIN_EMAIL": ADMIN_EMAIL,
            "EMAIL_URL": mail_server.url,
            "SOURCE": SOURCE,
        }
        parts[0] = with_values(parts[0], values)
        _publish_source(sandbox)
        hosts = sandbox.read("/etc/hosts")
        sandbox.write("/etc/hosts", f"{hosts}\n127.0.0.1 {SITE} {STORE}\n")
        sandbox.write("/root/page.sh", as_script(parts, OUTPUTS))
        print(sandbox.run("bash", "/root/page.sh", seconds=1500))  # noqa: T201
        yield Machine(sandbox, mail_server, parts)


def _publish_source(sandbox: Sandbox) -> None:
    """Create a git repository of this tree, including uncommitted changes."""
    copy_of_the_tree(sandbox.files / SOURCE.lstrip("/"))
    sandbox.shell(
        f"cd {SOURCE} && git init --quiet && git add --all && "
        "git -c user.name=a -c user.email=a@example.com commit --quiet -m a"
    )


def _require_free_ports() -> None:
    for port in PORTS:
        with socket.socket() as connection:
            if connection.connect_ex(("127.0.0.1", port)) == 0:
                raise SandboxError(
                    f"Port {port} of this machine is in use. The tutorial needs this port."
                )


@contextmanager
def _mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
