"""Serves a page with Uppy 6, and presigns Uppy's requests to S3 with boto3.

usage: peer_server.py PORT S3_URL BUNDLE BUCKET
The environment variables S3_ACCESS and S3_SECRET contain the S3 keys.
"""

from __future__ import annotations

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

PORT, S3_URL, BUNDLE, BUCKET = sys.argv[1:5]
PAGE = (
    b"<!doctype html><title>Uppy</title><input type=file multiple>"
    b"<script type=module src=/bundle.js></script>"
)
S3: Any = boto3.client(
    "s3",
    endpoint_url=S3_URL,
    region_name="us-east-1",
    aws_access_key_id=os.environ["S3_ACCESS"],
    aws_secret_access_key=os.environ["S3_SECRET"],
    config=Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
    ),
)
OPERATIONS = {
    ("PUT", True): "upload_part",
    ("PUT", False): "put_object",
    ("POST", True): "complete_multipart_upload",
    ("POST", False): "create_multipart_upload",
    ("GET", True): "list_parts",
    ("DELETE", True): "abort_multipart_upload",
    ("DELETE", False): "delete_object",
}


def presign(request: dict[str, Any]) -> str:
    """Return a presigned URL for the request that Uppy describes."""
    params: dict[str, Any] = {"Bucket": BUCKET, "Key": request["key"]}
    if "uploadId" in request:
        params["UploadId"] = request["uploadId"]
    if "partNumber" in request:
        params["PartNumber"] = request["partNumber"]
    operation = OPERATIONS[request["method"], "uploadId" in request]
    if operation == "put_object" and request.get("contentType"):
        params["ContentType"] = request["contentType"]
    url: str = S3.generate_presigned_url(operation, Params=params, ExpiresIn=900)
    return url


class Handler(BaseHTTPRequestHandler):
    """Returns the page, its script, and presigned URLs."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/bundle.js":
            self._answer(Path(BUNDLE).read_bytes(), "text/javascript")
        else:
            self._answer(PAGE, "text/html")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = {"url": presign(json.loads(body))}
        self._answer(json.dumps(answer).encode(), "application/json")

    def _answer(self, body: bytes, content_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Print nothing."""


class Server(ThreadingHTTPServer):
    """Uses one thread for each connection of the browser."""

    daemon_threads = True
    request_queue_size = 128


Server(("127.0.0.1", int(PORT)), Handler).serve_forever()
