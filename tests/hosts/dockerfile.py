"""Build the Dockerfile without Docker, with each stage in a new root directory.

This module runs the commands of the Dockerfile itself. The base image is this machine
with its Python and Node.js. An unsupported instruction is an error.
"""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.hosts.sandbox import PATH, Sandbox, SandboxError, fresh_root

_BASES = ("node:", "python:")


@dataclass(frozen=True)
class Instruction:
    """One instruction, such as ``RUN`` and its text on one line."""

    name: str
    text: str


@dataclass
class Stage:
    """A built stage: its root directory, and the settings of later instructions."""

    sandbox: Sandbox
    environment: dict[str, str]
    workdir: str = "/"
    user: str = "0:0"
    labels: dict[str, str] = field(default_factory=dict)
    command: list[str] = field(default_factory=list)
    health_command: list[str] = field(default_factory=list)

    def run(self, command: list[str], variables: Mapping[str, str]) -> str:
        """Run a command with a container's restrictions, and return its output."""
        return self.sandbox.run(
            *self._confined(command), environment=self._all(variables)
        )

    def start(
        self, command: list[str], variables: Mapping[str, str], log: Path
    ) -> subprocess.Popen[bytes]:
        """Start a command with a container's restrictions."""
        return self.sandbox.start(
            *self._confined(command), environment=self._all(variables), log=log
        )

    def _all(self, variables: Mapping[str, str]) -> dict[str, str]:
        return {**self.environment, **variables}

    def _confined(self, command: list[str]) -> list[str]:
        """Return a command that runs ``command`` with only /tmp and /data writable."""
        user, group = self.user.split(":")
        mounts = (
            f"mkdir -p /data && chown {self.user} /data && mount --bind /data /data && "
            "mount -o remount,bind,ro / && mount -t tmpfs -o mode=1777 tmpfs /tmp && "
            f'cd {self.workdir} && exec "$@"'
        )
        return [
            *("/usr/bin/unshare", "--mount", "/bin/sh", "-euc", mounts, "box"),
            *("/usr/bin/setpriv", "--reuid", user, "--regid", group, "--clear-groups"),
            *("--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--"),
            *command,
        ]


def instructions(text: str) -> list[Instruction]:
    """Return the instructions of a Dockerfile without comments, with joined lines."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    found = []
    for line in joined.splitlines():
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            found.append(Instruction(name, rest.strip()))
    return found


@contextmanager
def built(context: Path, arguments: Mapping[str, str]) -> Iterator[Stage]:
    """Build all stages and yield the last stage. ``context`` is the project's tree."""
    with ExitStack() as stack:
        builder = _Builder(stack, _without_ignored(context), arguments)
        for instruction in instructions((context / "Dockerfile").read_text()):
            builder.apply(instruction)
        yield builder.stage


def _without_ignored(context: Path) -> Path:
    """Delete ignored files from the context.

    The last matching line of .dockerignore wins.
    """
    lines = (context / ".dockerignore").read_text().splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    for path in [path for path in context.rglob("*") if path.is_file()]:
        name = path.relative_to(context)
        places = [name.as_posix(), *(parent.as_posix() for parent in name.parents)]
        is_ignored = False
        for pattern in patterns:
            wanted = pattern.lstrip("!").removeprefix("**/")
            inner = [*places, *name.parts] if "**/" in pattern else places
            if any(
                fnmatch.fnmatchcase(place, wanted) for place in inner if place != "."
            ):
                is_ignored = not pattern.startswith("!")
        if is_ignored and name.as_posix() != "Dockerfile":
            path.unlink()
    for folder in sorted(
        (path for path in context.rglob("*") if path.is_dir()), reverse=True
    ):
        if not any(folder.iterdir()):
            folder.rmdir()
    return context


class _Builder:
    def __init__(
        self, stack: ExitStack, context: Path, arguments: Mapping[str, str]
    ) -> None:
        self._stack = stack
        self._context = context
        self._arguments = arguments
        self._stages: dict[str, Stage] = {}
        self._given: dict[str, str] = {}
        self.stage: Stage

    def apply(self, instruction: Instruction) -> None:
        method = getattr(self, f"_{instruction.name.lower()}", None)
        if method is None:
            raise SandboxError(f"{instruction.name} is not known to this builder.")
        method(instruction.text)

    def _from(self, text: str) -> None:
        image, *rest = text.split()
        if not image.startswith(_BASES):
            raise SandboxError(f"{image} is not an image of Python or Node.js.")
        node = shutil.which("node") or ""
        tools = [f"{sys.base_prefix}/bin", str(Path(node).resolve().parent)]
        sandbox = self._stack.enter_context(fresh_root())
        environment = {"PATH": ":".join([PATH, *tools]), "HOME": "/root"}
        self.stage = Stage(sandbox, environment)
        self._given = {}
        if rest:
            self._stages[rest[1]] = self.stage

    def _arg(self, text: str) -> None:
        name, _, default = text.partition("=")
        self._given[name] = self._arguments.get(name, default)

    def _label(self, text: str) -> None:
        for word in shlex.split(text):
            name, _, value = word.partition("=")
            for given, known in self._given.items():
                value = value.replace(f"${given}", known)
            self.stage.labels[name] = value

    def _env(self, text: str) -> None:
        self.stage.environment.update(
            word.partition("=")[::2] for word in shlex.split(text)
        )

    def _workdir(self, text: str) -> None:
        self.stage.workdir = text
        (self.stage.sandbox.files / text.lstrip("/")).mkdir(parents=True, exist_ok=True)

    def _copy(self, text: str) -> None:
        *sources, target = [word for word in text.split() if not word.startswith("--")]
        found = re.search(r"--from=(\S+)", text)
        origin = self._stages[found[1]].sandbox.files if found else self._context
        place = str(Path(self.stage.workdir, target)).lstrip("/")
        for source in sources:
            path = origin / source.lstrip("/")
            into = self.stage.sandbox.files / place
            if path.is_dir():
                into.mkdir(parents=True, exist_ok=True)
                copied, goal = f"{path}/.", into
            else:
                copied = str(path)
                goal = into / path.name if target.endswith("/") else into
                goal.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-a", copied, str(goal)], check=True)

    def _run(self, text: str) -> None:
        registries = self.stage.sandbox.environment()
        self.stage.sandbox.run(
            *("sh", "-c", f"cd {self.stage.workdir} && {text}"),
            environment={**registries, **self.stage.environment},
        )

    def _user(self, text: str) -> None:
        self.stage.user = text

    def _expose(self, text: str) -> None:
        if text != self.stage.environment.get("PORT"):
            raise SandboxError(f"EXPOSE {text} is not the port of the site.")

    def _healthcheck(self, text: str) -> None:
        self.stage.health_command = json.loads(text.partition("CMD ")[2])

    def _cmd(self, text: str) -> None:
        self.stage.command = json.loads(text)
