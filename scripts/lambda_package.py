"""Build var/lambda.zip: the site, its packages and its static files, for AWS Lambda.

The wheels are for Lambda's platform, which may differ from this machine. The package
leaves out gunicorn, the tests of other packages, and botocore's data about services
that the site never calls. This data is nine tenths of botocore. It also leaves out
pycurl, because the package would then be almost as large as Lambda's limit. Without
pycurl, the site sends the same requests in threads.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OWN = ("config", "uploads", "templates", "manage.py")
SERVICES = {"s3", "secretsmanager", "sqs", "ssm", "sso", "sso-oidc", "sts"}
UNUSED = (
    *("gunicorn", "gunicorn-*.dist-info", "bin"),
    *("pycurl", "pycurl.libs", "pycurl-*.dist-info"),
)
PLATFORMS = {"x86_64": "x86_64-manylinux_2_28", "arm64": "aarch64-manylinux_2_28"}
"""Platform tags for Lambda's Amazon Linux 2023, whose glibc is 2.34."""

LIMIT_BYTES = 50 * 1000**2
"""The largest ZIP file that Lambda accepts directly. A larger file needs a bucket."""

FIXED_TIME = (1980, 1, 1, 0, 0, 0)


def build(package: Path, *, architecture: str, python: str) -> int:
    """Write the package and return its size. Raises SystemExit above LIMIT_BYTES."""
    folder = package.with_suffix("")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    install(folder, architecture, python)
    prune(folder)
    copy_site(folder)
    collect_static(folder)
    compile_code(folder, python)
    write_zip(folder, package)
    size = package.stat().st_size
    if size > LIMIT_BYTES:
        raise SystemExit(f"{package} has {size} bytes; the limit is {LIMIT_BYTES}.")
    return size


def install(folder: Path, architecture: str, python: str) -> None:
    """Install the locked packages for Lambda's platform into ``folder``."""
    subprocess.run(
        [
            str(Path(sys.executable).with_name("uv")),
            "pip",
            "install",
            "--quiet",
            "--target",
            str(folder),
            "--python-platform",
            PLATFORMS[architecture],
            "--python-version",
            python,
            "--only-binary",
            ":all:",
            "--require-hashes",
            "-r",
            str(ROOT / "requirements-lambda.txt"),
        ],
        check=True,
    )


def prune(folder: Path) -> None:
    """Delete files that the Lambda functions never read."""
    for pattern in UNUSED:
        for path in folder.glob(pattern):
            shutil.rmtree(path)
    for path in [*folder.rglob("__pycache__"), *folder.glob("*/tests")]:
        shutil.rmtree(path, ignore_errors=True)
    for service in (folder / "botocore" / "data").iterdir():
        if service.is_dir() and service.name not in SERVICES:
            shutil.rmtree(service)


def copy_site(folder: Path) -> None:
    """Copy the application, without the package ``uploads.dev`` for development."""
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc", "dev")
    for name in OWN:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copy(source, folder / name)


def collect_static(folder: Path) -> None:
    """Collect the static files into the package, from which WhiteNoise serves them."""
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "STATIC_ROOT": str(folder / "static_root"),
            # Django adds hashes to file names only if DEBUG is off. If DEBUG is off,
            # the settings below are required.
            "DEBUG": "false",
            "SECRET_KEY": "only to collect static files " * 3,
            "ALLOWED_HOSTS": "localhost",
            "S3_BUCKET": "none",
        },
        check=True,
    )


def compile_code(folder: Path, python: str) -> None:
    """Add byte-code to the package, so that a cold start takes half the time.

    Lambda functions cannot write byte-code themselves. The Python version ``python``
    must be installed on this machine. By default, Python uses byte-code only if the
    byte-code contains the time of the source file. The ZIP file has the same fixed time
    for all files, so Python would ignore the byte-code. With ``unchecked-hash``, Python
    uses the byte-code without a check. Raises CalledProcessError if a file cannot be
    compiled.
    """
    subprocess.run(
        [
            *(interpreter(python), "-m", "compileall", "-q", "-j", "0"),
            *("--invalidation-mode", "unchecked-hash", "-s", str(folder), "."),
        ],
        cwd=folder,
        check=True,
    )


def interpreter(python: str) -> str:
    """Return the path of the Python interpreter of version ``python``, such as 3.11.

    Raises SystemExit if this version is not installed.
    """
    if python == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    found = shutil.which(f"python{python}")
    if found is None:
        raise SystemExit(
            f"The byte-code of the package needs Python {python}, which is not "
            "installed. Install it, or choose another version with --python."
        )
    return found


def write_zip(folder: Path, package: Path) -> None:
    """Write a ZIP file that has the same bytes whenever the files are the same."""
    with zipfile.ZipFile(
        package, "w", zipfile.ZIP_DEFLATED, compresslevel=9
    ) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), FIXED_TIME)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architecture", choices=sorted(PLATFORMS), default="x86_64")
    parser.add_argument("--python", default="3.11")
    parser.add_argument("--package", type=Path, default=ROOT / "var" / "lambda.zip")
    options = parser.parse_args()
    size = build(
        options.package, architecture=options.architecture, python=options.python
    )
    print(f"{options.package}: {size / 1000**2:.1f} MB")
