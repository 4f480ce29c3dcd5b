"""The sweeper aborts multipart uploads and deletes objects that a killed doctor left.

This test needs a real server, because in moto all multipart uploads are from 2010.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from uploads.conf import options
from uploads.s3.bucket import Bucket
from uploads.s3.keys import new_probe_key
from uploads.upkeep.auditing import audit
from uploads.upkeep.bucket_sweep import sweep_multipart_uploads
from uploads.upkeep.sweeper import Report

pytestmark = pytest.mark.django_db


def test_open_probe_is_kept_for_an_hour(seaweed_bucket: Bucket) -> None:
    prefix = options().key_prefix
    seaweed_bucket.create_multipart_upload(new_probe_key(prefix), content_type="a/b")
    key = new_probe_key(prefix)
    seaweed_bucket.client.put_object(Bucket=seaweed_bucket.name, Key=key, Body=b"x")

    def sweep_after(**span: float) -> tuple[int, int]:
        report = Report()
        now = timezone.now() + timedelta(**span)
        sweep_multipart_uploads(report, now=now, dry_run=False)
        return report.aborted, report.probes

    assert list(audit()) == []
    assert sweep_after(minutes=50) == (0, 0)
    assert sweep_after(minutes=70) == (1, 1)
    assert list(seaweed_bucket.list_multipart_uploads(prefix)) == []
    assert list(seaweed_bucket.list_objects(prefix)) == []
