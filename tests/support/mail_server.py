"""Run a mail server that keeps received mails in memory."""

from __future__ import annotations

import socketserver

from uploads.dev.ports import HOST


class MailServer(socketserver.ThreadingTCPServer):
    """An SMTP server on a free port. ``mails`` has the mails in their order."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((HOST, 0), _MailSession)
        self.mails: list[str] = []

    @property
    def url(self) -> str:
        """Return the EMAIL_URL of this server."""
        return f"smtp://{HOST}:{self.server_address[1]}"


class _MailSession(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self._say(220)
        while command := self.rfile.readline().strip().upper():
            if command == b"DATA":
                self._say(354)
                lines = iter(self.rfile.readline, b".\r\n")
                self.server.mails.append(b"".join(lines).decode())
            self._say(221 if command == b"QUIT" else 250)

    def _say(self, code: int) -> None:
        self.wfile.write(b"%d go on\r\n" % code)
