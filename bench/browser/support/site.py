"""Starts a demo site with its own S3 server for a benchmark."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from uploads.dev.ports import free_ports, is_answering

PROJECT = Path(__file__).resolve().parents[3]
BUNDLE = PROJECT / "static/build/main.js"
PEER_BUCKET = "slipway-bench"  # the site's keys may access all buckets slipway-*
CORS: Any = {
    "CORSRules": [
        {
            "AllowedOrigins": ["*"],
            "AllowedMethods": ["PUT", "POST", "GET", "DELETE"],
            "AllowedHeaders": ["*"],
            "ExposeHeaders": ["ETag", "Location"],
            "MaxAgeSeconds": 3600,
        }
    ]
}


class Site:
    """The site of `make run` on free ports. Use it as a context manager.

    As in production, the site does not look for changed code. The S3 server also has a
    bucket for the other programs, such as Uppy.
    """

    def __init__(self, *, has_two_hosts: bool = False, **settings: str) -> None:
        if not BUNDLE.exists():
            raise SystemExit("The page's scripts are not built. Run: make bundle")
        self.port, self.s3_port = free_ports(2)
        self.folder = Path(tempfile.mkdtemp(prefix="bench-site-"))
        self.url = f"http://127.0.0.1:{self.port}"
        self.s3_url = f"http://127.0.0.1:{self.s3_port}"
        if has_two_hosts:
            further = f"http://localhost:{self.s3_port}"
            settings["UPLOADS_S3_PUBLIC_ENDPOINTS"] = further
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "uploads.dev", "run"),
                *("--port", str(self.port), "--s3-port", str(self.s3_port)),
                *("--data-dir", str(self.folder), "--no-reload"),
            ],
            cwd=PROJECT,
            env={**os.environ, **settings},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self._set_up()
        except BaseException:
            self.stop()
            raise

    def _set_up(self) -> None:
        wait_for_port(self.port, seconds=120)
        self.access, self.secret = self._keys()
        self.s3: Any = boto3.client(
            "s3",
            endpoint_url=self.s3_url,
            region_name="us-east-1",
            aws_access_key_id=self.access,
            aws_secret_access_key=self.secret,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
            ),
        )
        self.s3.create_bucket(Bucket=PEER_BUCKET)
        self.s3.put_bucket_cors(Bucket=PEER_BUCKET, CORSConfiguration=CORS)
        self._wait_for_first_sweep()

    def _wait_for_first_sweep(self) -> None:
        """Wait until the first sweep has ended, so that it disturbs no benchmark."""
        log, deadline = self.folder / "sweep.log", time.monotonic() + 120
        while not (log.exists() and "looked_at" in log.read_text()):
            if time.monotonic() > deadline:
                raise RuntimeError(f"The first sweep has not ended. See {log}.")
            time.sleep(0.2)

    def _keys(self) -> tuple[str, str]:
        text = (self.folder / "s3/s3.identities.json").read_text()
        for identity in json.loads(text)["identities"]:
            if any(action.startswith("Admin") for action in identity["actions"]):
                keys = identity["credentials"][0]
                return keys["accessKey"], keys["secretKey"]
        raise RuntimeError(
            "The S3 server of the site has no identity with administrator rights."
        )

    def put_url(self, name: str) -> str:
        """Return a presigned URL for a PUT to the bucket of the other programs."""
        url: str = self.s3.generate_presigned_url(
            "put_object", Params={"Bucket": PEER_BUCKET, "Key": name}, ExpiresIn=3600
        )
        return url

    def post_form(self, name: str) -> dict[str, Any]:
        """Return a presigned form that sends to the bucket of the other programs."""
        form: dict[str, Any] = self.s3.generate_presigned_post(
            PEER_BUCKET, name, ExpiresIn=3600
        )
        return form

    def empty_peer_bucket(self) -> None:
        """Delete all objects and multipart uploads of the other programs."""
        bucket = {"Bucket": PEER_BUCKET}
        for page in self.s3.get_paginator("list_objects_v2").paginate(**bucket):
            keys = [{"Key": found["Key"]} for found in page.get("Contents", [])]
            if keys:
                self.s3.delete_objects(**bucket, Delete={"Objects": keys})
        for upload in self.s3.list_multipart_uploads(**bucket).get("Uploads", []):
            self.s3.abort_multipart_upload(
                **bucket, Key=upload["Key"], UploadId=upload["UploadId"]
            )

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop the site and delete its data."""
        os.kill(self.process.pid, signal.SIGTERM)
        self.process.wait(60)
        shutil.rmtree(self.folder, ignore_errors=True)


def wait_for_port(port: int, *, seconds: float = 30) -> None:
    """Wait until a server listens on ``port``."""
    deadline = time.monotonic() + seconds
    while not is_answering(port):
        if time.monotonic() > deadline:
            raise RuntimeError(f"Nothing listens on port {port}.")
        time.sleep(0.1)
