"""How long a presigned part URL takes: our signer beside botocore's.

Run it with ``python bench/presign.py``. Both sign the same part with the same
credentials, alternating, so that a busy machine slows both alike.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import boto3
from botocore.config import Config

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from uploads.s3.credentials import Credentials
from uploads.s3.presigner import Presigner

ROUNDS = 15
URLS_PER_ROUND = 200
PARTS_OF_THE_LARGEST_UPLOAD = 10_000

KEY = "uploads/3f/3f9c0d6f7a1e4b0c9d8e7f6a5b4c3d2e1f0a9b8c"
MULTIPART_ID = "VXBsb2FkIElEIGZvciA2aWWpbmcncyBteS1tb3ZpZS5tMnRzIHVwbG9hZA"
CHECKSUM = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
REGION = "eu-west-1"
ENDPOINT_URL = f"https://s3.{REGION}.amazonaws.com"


def own_signer() -> Callable[[int], str]:
    credentials = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLE")
    presigner = Presigner(
        bucket_name="my-bucket",
        region=REGION,
        endpoint_url=ENDPOINT_URL,
        addressing_style="virtual",
        credentials=lambda: credentials,
    )

    def sign(part_number: int) -> str:
        return presigner.upload_part(
            key=KEY,
            multipart_id=MULTIPART_ID,
            part_number=part_number,
            byte_size=16 * 1024**2,
            checksum_sha256=CHECKSUM,
            expires_in=900,
        ).url

    return sign


def botocore_signer() -> Callable[[int], str]:
    client = boto3.client(
        "s3",
        region_name=REGION,
        endpoint_url=ENDPOINT_URL,
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLE",  # noqa: S106
        config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}),
    )

    def sign(part_number: int) -> str:
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

    return sign


def microseconds(sign: Callable[[int], str]) -> float:
    started = time.perf_counter()
    for part_number in range(1, URLS_PER_ROUND + 1):
        sign(part_number)
    return (time.perf_counter() - started) / URLS_PER_ROUND * 1e6


def main() -> None:
    own, botocore = own_signer(), botocore_signer()
    own(1), botocore(1)
    rounds = [(microseconds(own), microseconds(botocore)) for _ in range(ROUNDS)]
    ours = statistics.median(pair[0] for pair in rounds)
    theirs = statistics.median(pair[1] for pair in rounds)
    parts = PARTS_OF_THE_LARGEST_UPLOAD
    print(f"own signer  {ours:8.1f} us a URL, {ours * parts / 1e6:6.2f} s for {parts}")
    print(
        f"botocore    {theirs:8.1f} us a URL, {theirs * parts / 1e6:6.2f} s for {parts}"
    )
    print(f"ratio       {theirs / ours:8.1f}")


if __name__ == "__main__":
    main()
