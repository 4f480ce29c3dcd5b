"""Certify S3 servers, and write docs/providers.md.

python -m scripts.providers              certify the servers that this script can start
python -m scripts.providers --page       write the page from the stored certificates
python -m scripts.providers NAME URL ACCESS_KEY SECRET_KEY REGION
                                         certify a server that is already running
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from uploads.doctor.certificate import row

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "providers"
PAGE = ROOT / "docs" / "providers.md"
ORIGIN = "https://files.example.com"
BEGIN = """# Providers

For operators who choose an S3 provider. The second table has a column for each server, with the results of `manage.py doctor --certify`.
**no**: the server did not keep the promise. **not tried**: the certificate has no result for the promise. `make providers` writes this
page.

Each run of `manage.py doctor` stores the results for the site's own bucket. The site uses these results:

| result for your bucket | what the site does |
|---|---|
| The server stores bytes that do not match the signed SHA-256, or HEAD returns no SHA-256 | The site reads each object back and hashes it before the upload is `ready`: `UPLOADS_READ_BACK` in [settings.md](settings.md). |
| `manage.py doctor` has not tested the bucket | The site also reads each object back and hashes it. The log and `manage.py migrate` name the bucket. |
| The server does not verify CRC64NVME | With `UPLOADS_CHECKSUM=crc64nvme`, the doctor reports a failure, and the site requires SHA-256 for new uploads. |
| The server accepts a second PUT to the same URL | Until the URL expires, the site compares the object's ETag with the verified ETag before each download. The sweeper compares them once more. If they differ, the file is rejected. |
| The completion of a multipart upload replaces an existing object | Before the site joins the parts, it checks that no object has the key. |
| A correct form stores no file | The page without JavaScript can send only a plain form, so it reports that it cannot upload, and reserves no space. With JavaScript, the page sends all files by PUT. |
| The server refuses changed forms, keeps the ETag and version if a form is sent twice, and lets the page read the answer (CORS) | The page sends files of up to 64 KiB by forms, without a preflight: [architecture.md](architecture.md#the-browser). |

Of the tested servers, only SeaweedFS refuses a form with bytes that do not match its SHA-256. With the other servers, the page sends small
files by PUT. The table below has no results of CORS. A stored result can also be older than a promise, for example the promise that a form
that is sent twice keeps the object's ETag and version. If all results are older, the table has no row for the promise. Run
`manage.py doctor` to test these promises for your bucket.

"""
END = """
Swift 2.30.1 refuses each PUT with `If-None-Match`, so the site cannot upload to Swift. We did not test the other promises there.

## Not tried

We did not test:

- AWS S3 itself, Cloudflare R2, Backblaze B2, Garage and MinIO itself (JuiceFS contains MinIO's code for S3),
- newer versions of Ceph and Swift,
- TLS, virtual-host addressing, and deletion by lifecycle rules.

MiniStack and moto are emulators for tests, not storage providers. To test your own bucket, run `python manage.py doctor --certify`.

`make providers` starts and tests SeaweedFS, MiniStack and Ceph. We started the other servers by hand, and tested each of them with
`python -m scripts.providers NAME URL ACCESS_KEY SECRET_KEY REGION`.
"""


def page() -> str:
    """Return the page with all stored certificates."""
    documents = {
        path.stem: json.loads(path.read_text())
        for path in sorted(FOLDER.glob("*.json"))
    }
    titles: dict[str, str] = {}
    for document in documents.values():
        for name, promise in document["promises"].items():
            if name.startswith("contract.") and name.count(".") >= 2:
                titles.setdefault(name, promise["title"])
    columns = [row(document, titles) for document in documents.values()]
    dates = [f"{name} ({found['date']})" for name, found in documents.items()]
    lines = [f"| promise | {' | '.join(dates)} |", "|---" * (len(dates) + 1) + "|"]
    for number, title in enumerate(titles.values()):
        cells = " | ".join(column[number] for column in columns)
        lines.append(f"| {title} | {cells} |")
    return BEGIN + "\n".join(lines) + "\n" + END


def certify(name: str, environment: dict[str, str]) -> None:
    """Set up a bucket on a server, certify the server, and store the certificate."""
    with tempfile.TemporaryDirectory() as home:
        variables = {
            **os.environ,
            "DEBUG": "true",
            "CSRF_TRUSTED_ORIGINS": ORIGIN,
            "DATABASE_URL": f"sqlite:///{home}/db.sqlite3",
            "DATA_DIR": home,
            **environment,
        }
        for arguments in (["migrate", "-v0"], ["setup_bucket", "--apply"]):
            _manage(arguments, variables)
        text = _manage(["doctor", "--certify", "--json"], variables)
    document: dict[str, Any] = json.loads(text)
    document["place"] = name
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n")


def _manage(arguments: list[str], variables: dict[str, str]) -> str:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "manage.py", *arguments],
        env=variables,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    ).stdout


def running(url: str, access_key: str, secret_key: str, region: str) -> dict[str, str]:
    """Return the environment variables for a site that uses this S3 server."""
    return {
        "S3_ENDPOINT_URL": url,
        "S3_REGION": region,
        "S3_BUCKET": "slipway-certify",
        "S3_ACCESS_KEY_ID": access_key,
        "S3_SECRET_ACCESS_KEY": secret_key,
        "S3_SIGNER_ACCESS_KEY_ID": access_key,
        "S3_SIGNER_SECRET_ACCESS_KEY": secret_key,
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret_key,
    }


def start_and_certify() -> None:
    """Start and certify SeaweedFS, MiniStack and Ceph, one after another."""
    from tests.plugins.ceph import Ceph  # only this function needs these imports
    from tests.plugins.ministack import MiniStack
    from uploads.dev.s3_server import S3Server

    with tempfile.TemporaryDirectory() as home:
        server = S3Server(Path(home))
        server.start()
        try:
            certify(
                "SeaweedFS 4.48", {**server.environment(), **server.setup_environment()}
            )
        finally:
            server.stop()
    with tempfile.TemporaryDirectory() as home:
        emulator = MiniStack(Path(home))
        emulator.start()
        try:
            certify("MiniStack 1.5.33", emulator.environment())
        finally:
            emulator.stop()
    with tempfile.TemporaryDirectory() as home:
        cluster = Ceph(Path(home))
        cluster.start()
        try:
            certify(f"Ceph {cluster.version()}", cluster.environment())
        finally:
            cluster.stop()


if __name__ == "__main__":
    given = sys.argv[1:]
    if given and given != ["--page"]:
        certify(given[0], running(*given[1:]))
    elif not given:
        start_and_certify()
    PAGE.write_text(page())
