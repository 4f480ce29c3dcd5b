"""Run a function in a separate process, and build the events that AWS sends."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
RUNTIME = Path(__file__).with_name("runtime.py")


class Function:
    """A running function."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.seconds = 0.0

    def call(self, event: Any) -> Any:
        """Send an event, and return the answer.

        Raises RuntimeError with the function's error.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(event) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "The function's process has ended."
        found = json.loads(line)
        self.seconds = found["seconds"]
        if "error" in found:
            raise RuntimeError(found["error"])
        return found["answer"]


@contextmanager
def running(
    handler: str,
    environment: Mapping[str, str],
    log: Path,
    *,
    package: Path | None = None,
) -> Iterator[Function]:
    """Run a handler until the block ends. Its log is in ``log``.

    ``package`` is the folder of an unpacked ZIP file. If it is given, the handler can
    import only this folder and Python's standard library.
    """
    command = [sys.executable, *(["-S"] if package else []), str(RUNTIME), handler]
    folder = package or ROOT
    with log.open("ab") as errors:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**environment, "PYTHONPATH": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        yield Function(process)
    finally:
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()
        process.wait(30)


def http_event(
    method: str,
    target: str,
    *,
    headers: Mapping[str, str],
    body: bytes = b"",
    address: str = "127.0.0.1",
) -> dict[str, Any]:
    """Return a request as an event of API Gateway's HTTP API, in format 2.0.

    The fields are the same as in an event recorded on AWS. Cookies are separate from
    the headers. Names of headers are in lower case. The body is in base64 unless it is
    text.
    """
    parts = urlsplit(target)
    plain = {name.lower(): value for name, value in headers.items()}
    cookies = [part for part in plain.pop("cookie", "").split("; ") if part]
    host = plain.get("host", "localhost")
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": parts.path,
        "rawQueryString": parts.query,
        "headers": {
            **plain,
            "content-length": str(len(body)),
            "x-amzn-trace-id": "Root=1-665f0b0a-0123456789abcdef01234567",
            "x-forwarded-for": address,
            "x-forwarded-port": "443",
            "x-forwarded-proto": "http",
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "domainName": host,
            "domainPrefix": "a1b2c3d4e5",
            "http": {
                "method": method,
                "path": parts.path,
                "protocol": "HTTP/1.1",
                "sourceIp": address,
                "userAgent": plain.get("user-agent", ""),
            },
            "requestId": "ABCdEfGhIjKLmNo=",
            "routeKey": "$default",
            "stage": "$default",
            "time": "29/Nov/2026:12:00:00 +0000",
            "timeEpoch": 1_796_040_000_000,
        },
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = cookies
    if body:
        event["body"] = base64.b64encode(body).decode()
        event["isBase64Encoded"] = True
    return event


def body_of(answer: Mapping[str, Any]) -> bytes:
    """Return the bytes that API Gateway sends to the browser."""
    text: str = answer.get("body", "")
    return base64.b64decode(text) if answer.get("isBase64Encoded") else text.encode()


SCHEDULED: Mapping[str, Any] = {
    "version": "0",
    "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "123456789012",
    "time": "2026-11-29T12:00:00Z",
    "region": "eu-west-1",
    "resources": ["arn:aws:events:eu-west-1:123456789012:rule/slipway-sweep"],
    "detail": {},
}


def queue_event(*bodies: str, receive_count: int = 1) -> dict[str, Any]:
    """Return messages as an event of Lambda's event source mapping."""
    return {
        "Records": [
            {
                "messageId": f"message-{number}",
                "receiptHandle": f"receipt-{number}",
                "body": body,
                "attributes": {
                    "ApproximateReceiveCount": str(receive_count),
                    "SentTimestamp": "1796040000000",
                    "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                    "ApproximateFirstReceiveTimestamp": "1796040000001",
                },
                "messageAttributes": {},
                "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:slipway",
                "awsRegion": "eu-west-1",
            }
            for number, body in enumerate(bodies)
        ]
    }
