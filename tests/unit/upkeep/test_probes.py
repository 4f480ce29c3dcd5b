"""The sweeper deletes probe objects that a killed doctor did not delete."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from tests.support.storage_faults import s3_answers_500
from uploads.models import Orphan
from uploads.s3.bucket import Bucket
from uploads.s3.keys import new_probe_key
from uploads.upkeep.auditing import audit
from uploads.upkeep.bucket_sweep import sweep_bucket, sweep_multipart_uploads
from uploads.upkeep.sweeper import Report

pytestmark = pytest.mark.django_db


def leave_probes(bucket: Bucket) -> None:
    """Leave a probe object and a deleted probe object, as a killed doctor does."""
    key = new_probe_key("uploads/")
    bucket.client.put_object(Bucket=bucket.name, Key=key, Body=b"probe")
    deleted = new_probe_key("uploads/")
    bucket.client.put_object(Bucket=bucket.name, Key=deleted, Body=b"probe")
    bucket.client.delete_object(Bucket=bucket.name, Key=deleted)


def sweep_after(**span: float) -> Report:
    report, later = Report(), timezone.now() + timedelta(**span)
    assert sweep_bucket(report, now=later, dry_run=False)
    sweep_multipart_uploads(report, now=later, dry_run=False)
    return report


def probe_versions(bucket: Bucket) -> int:
    versions = bucket.client.list_object_versions(Bucket=bucket.name)
    return len(versions.get("Versions", [])) + len(versions.get("DeleteMarkers", []))


@pytest.mark.parametrize("is_versioned", [False, True])
def test_probes_are_deleted_with_all_versions_after_an_hour(
    bucket: Bucket, is_versioned: bool
) -> None:
    if is_versioned:
        bucket.client.put_bucket_versioning(
            Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"}
        )
    leave_probes(bucket)
    left = probe_versions(bucket)

    young = sweep_after(minutes=50)

    assert (young.probes, probe_versions(bucket)) == (0, left)
    old = sweep_after(minutes=70)
    assert old.probes == (3 if is_versioned else 1)
    assert probe_versions(bucket) == 0


def test_probes_are_no_orphans(bucket: Bucket) -> None:
    leave_probes(bucket)

    report = sweep_after(days=30)

    assert (report.orphans, report.young_orphans) == (0, 0)
    assert not Orphan.objects.exists()


def test_audit_reports_only_probes_that_the_sweeper_should_have_deleted(
    bucket: Bucket,
) -> None:
    leave_probes(bucket)

    assert list(audit()) == []
    with time_machine.travel(timezone.now() + timedelta(hours=3), tick=False):
        kinds = [difference.kind for difference in audit()]

    assert kinds == ["object without a row"]


def test_worker_without_permission_to_list_versions_deletes_listed_objects(
    bucket: Bucket,
) -> None:
    leave_probes(bucket)

    with s3_answers_500(bucket, "ListObjectVersions"):
        report = sweep_after(hours=2)

    assert report.probes == 1
