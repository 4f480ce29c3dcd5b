"""Sends files with boto3's transfer manager and its default settings.

usage: boto3_sender.py S3_URL BUCKET PREFIX FILE...
The environment variables of boto3 contain the S3 keys and the region. The script prints
the seconds and the CPU seconds of the uploads as JSON, without its own start.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import boto3
from boto3.s3.transfer import TransferConfig, create_transfer_manager
from botocore.config import Config

S3_URL, BUCKET, PREFIX, *FILES = sys.argv[1:]
S3: Any = boto3.client(
    "s3", endpoint_url=S3_URL, config=Config(s3={"addressing_style": "path"})
)

began, cpu = time.monotonic(), time.process_time()
# upload_file of boto3 does the same for one file.
with create_transfer_manager(S3, TransferConfig()) as manager:
    uploads = [
        manager.upload(file, BUCKET, f"{PREFIX}/{Path(file).name}") for file in FILES
    ]
    for upload in uploads:
        upload.result()
figures = {"seconds": time.monotonic() - began, "cpu": time.process_time() - cpu}
print(json.dumps(figures))
