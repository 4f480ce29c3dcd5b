"""Measures the CPU time per part URL of our signer, of botocore and of two bare hashes.

Run it with ``python bench/presign.py``. The signers sign the same parts with the same
credentials. They take turns, so that a busy machine slows all of them equally. Every
signature needs at least two hashes: a SHA-256 of the request, and an HMAC of the
result.
"""

from __future__ import annotations

import hashlib
import hmac
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import boto3
from botocore.config import Config

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.report import Bar, Row, report
from uploads.s3.credentials import Credentials
from uploads.s3.presigner import Presigner
from uploads.s3.signed import PartToSign

ROUNDS = 15
URLS_PER_ROUND = 200
PARTS_OF_THE_LARGEST_UPLOAD = 10_000
MIN_RATIO = 60
MAX_OVER_TWO_HASHES = 1.5

KEY = "uploads/3f/3f9c0d6f7a1e4b0c9d8e7f6a5b4c3d2e1f0a9b8c"
MULTIPART_ID = "VXBsb2FkIElEIGZvciA2aWWpbmcncyBteS1tb3ZpZS5tMnRzIHVwbG9hZA"
CHECKSUM = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
NUMBERS = range(1, URLS_PER_ROUND + 1)
REQUEST_BYTES = 590
TO_SIGN_BYTES = 133
REGION = "eu-west-1"
ENDPOINT_URL = f"https://s3.{REGION}.amazonaws.com"


def own_signer() -> Callable[[], object]:
    credentials = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLE")
    presigner = Presigner(
        bucket_name="my-bucket",
        region=REGION,
        endpoint_url=ENDPOINT_URL,
        addressing_style="virtual",
        credentials=lambda: credentials,
    )

    parts = [PartToSign(number, 16 * 1024**2, CHECKSUM) for number in NUMBERS]

    def sign() -> object:
        return presigner.upload_parts(
            key=KEY, multipart_id=MULTIPART_ID, parts=parts, expires_in=900
        )

    return sign


def two_hashes() -> Callable[[], object]:
    """Return a function that computes only the two necessary hashes for each URL."""
    key = bytes(32)
    request, to_sign = b"r" * REQUEST_BYTES, b"s" * TO_SIGN_BYTES

    def sign() -> object:
        return [
            (
                hashlib.sha256(request).hexdigest(),
                hmac.digest(key, to_sign, "sha256").hex(),
            )
            for _ in NUMBERS
        ]

    return sign


def botocore_signer() -> Callable[[], object]:
    client = boto3.client(
        "s3",
        region_name=REGION,
        endpoint_url=ENDPOINT_URL,
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLE",  # noqa: S106
        config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}),
    )

    def sign_one(part_number: int) -> str:
        return client.generate_presigned_url(
            "upload_part",
            Params={
                "Bucket": "my-bucket",
                "Key": KEY,
                "UploadId": MULTIPART_ID,
                "PartNumber": part_number,
                "ContentLength": 16 * 1024**2,
                "ChecksumSHA256": CHECKSUM,
            },
            ExpiresIn=900,
        )

    return lambda: [sign_one(number) for number in NUMBERS]


def microseconds(sign: Callable[[], object]) -> float:
    """Return the CPU time of one URL in microseconds."""
    started = time.process_time()
    sign()
    return (time.process_time() - started) / URLS_PER_ROUND * 1e6


def main() -> None:
    signers = {
        "own signer": own_signer(),
        "botocore": botocore_signer(),
        "two hashes": two_hashes(),
    }
    for sign in signers.values():
        sign()
    rounds = [
        {name: microseconds(sign) for name, sign in signers.items()}
        for _ in range(ROUNDS)
    ]
    medians = {name: statistics.median(one[name] for one in rounds) for name in signers}
    parts = PARTS_OF_THE_LARGEST_UPLOAD
    ours = medians["own signer"]
    report(
        "presign",
        [Row(name, each, "us a URL") for name, each in medians.items()]
        + [
            Row(f"{name}, {parts:,} URLs", each * parts / 1e6, "s")
            for name, each in medians.items()
        ],
        [
            Bar("botocore / own signer", medians["botocore"] / ours, MIN_RATIO),
            Bar(
                "own signer / two hashes",
                ours / medians["two hashes"],
                at_most=MAX_OVER_TWO_HASHES,
            ),
        ],
    )


if __name__ == "__main__":
    main()
