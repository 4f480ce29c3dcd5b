"""Provide a new root directory with this machine's programs and temporary changes.

The sandbox is an overlay file system in a separate mount namespace, with its own
process ids. At the end, the kernel kills its processes and deletes its files. It uses
this machine's network, because the tutorials download packages. It needs root rights.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PATH = "/opt/stand-ins:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
KEPT = ("PIP_", "NPM_CONFIG_", "npm_config_", "SSL_CERT_", "NODE_EXTRA_CA_CERTS")
"""Environment variables for this machine's access to the package registries."""


class SandboxError(Exception):
    """A command in the sandbox failed. The message has its output."""


class Sandbox:
    """A running root directory. ``run`` runs commands in it as root."""

    def __init__(self, folder: Path, process: int) -> None:
        self.folder = folder
        self._enter = [
            *("nsenter", "--target", str(process), "--mount", "--pid"),
            *("/usr/sbin/chroot", str(folder / "root")),
        ]
        self.files = Path(f"/proc/{process}/root{folder}/root")

    def environment(self) -> dict[str, str]:
        """Return the variables of a root shell on a new machine."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name.startswith(KEPT) or name.lower().endswith("_proxy")
        }
        return {
            **kept,
            "PATH": PATH,
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "DEBIAN_FRONTEND": "noninteractive",
        }

    def run(
        self,
        *command: str,
        environment: Mapping[str, str] | None = None,
        seconds: float = 600,
    ) -> str:
        """Run a command and return its output. Raises SandboxError with the output."""
        result = subprocess.run(
            [*self._enter, *command],
            env=dict(self.environment() if environment is None else environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
        if result.returncode:
            end = "\n".join(result.stdout.splitlines()[-60:])
            raise SandboxError(
                f"{shlex.join(command)} ended with {result.returncode}:\n{end}"
            )
        return result.stdout

    def start(
        self, *command: str, environment: Mapping[str, str], log: Path
    ) -> subprocess.Popen[bytes]:
        """Start a command without waiting.

        The command ends with the sandbox at the latest.
        """
        with log.open("ab") as output:
            return subprocess.Popen(
                [*self._enter, *command],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def shell(self, script: str, **options: float) -> str:
        """Run a script of bash that stops at the first failing command."""
        return self.run("bash", "-euo", "pipefail", "-c", script, **options)  # type: ignore[arg-type]

    def write(self, path: str, text: str) -> None:
        """Write a file of the sandbox."""
        target = self.files / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def read(self, path: str) -> str:
        """Return the text of a file of the sandbox."""
        return (self.files / path.lstrip("/")).read_text(errors="replace")


@contextmanager
def fresh_root() -> Iterator[Sandbox]:
    """Yield a sandbox until the block ends. Raises SandboxError without root rights."""
    if os.geteuid() != 0:
        raise SandboxError("These tests mount file systems. Run them as root.")
    with tempfile.TemporaryDirectory(prefix="slipway-host-") as name:
        folder = Path(name)
        process = subprocess.Popen(
            [
                *("unshare", "--mount", "--pid", "--fork", "--kill-child"),
                *("sh", str(HERE / "fresh_root.sh"), name, str(HERE / "stand_ins")),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            if process.stdout.readline() != "ready\n":
                raise SandboxError(
                    "The kernel does not allow an overlay in a namespace here."
                )
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            yield Sandbox(folder, int(children.read_text().split()[0]))
        finally:
            process.kill()
            process.communicate()


def copy_of_the_tree(target: Path) -> None:
    """Copy the project's files into ``target``, without ignored files."""
    listed = subprocess.run(
        [
            *("git", "-c", "safe.directory=*", "ls-files", "-z"),
            *("--cached", "--others", "--exclude-standard"),
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    names = [name for name in listed.stdout.split("\0") if (ROOT / name).is_file()]
    if not names:
        raise SandboxError("git lists no files of the project.")
    archive = subprocess.run(
        ["tar", "--create", "--null", "--files-from=-"],
        cwd=ROOT,
        input="\0".join(names).encode(),
        check=True,
        capture_output=True,
    )
    target.mkdir(parents=True)
    subprocess.run(
        ["tar", "--extract", "--no-same-owner"],
        cwd=target,
        input=archive.stdout,
        check=True,
    )
