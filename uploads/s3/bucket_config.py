"""Configures the site's bucket with values that it computes from Django's settings.

The site has three identities. Each one is a pair of S3 credentials. The signer signs
upload URLs, the worker makes the calls of the site, and setup configures the bucket.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from urllib.parse import urlsplit

from django.conf import settings

from uploads.conf import options
from uploads.errors import StorageUnavailable
from uploads.s3.bucket import Bucket, get_bucket
from uploads.s3.configuration import Configuration
from uploads.s3.identities import presigner_of, setup_client
from uploads.s3.probe import SignedProbe
from uploads.s3.queue_policy import SetupQueue
from uploads.s3.setting_up import Outcome, Probe, Result, set_up
from uploads.s3.setting_verbs import QueuePolicy
from uploads.s3.wanted.site_facts import SiteFacts, is_loopback, site_facts

NEEDED = {"bucket", "probe", "cors"}
"""Names of the steps that must succeed before browsers can upload."""


def origins_of_settings() -> list[str]:
    """Return the origins of the site's pages.

    These are the origins in CSRF_TRUSTED_ORIGINS. If this setting is empty, each host
    name in ALLOWED_HOSTS results in one https:// origin. Wildcards, IP addresses and
    names of this machine are skipped.
    """
    if settings.CSRF_TRUSTED_ORIGINS:
        return list(dict.fromkeys(settings.CSRF_TRUSTED_ORIGINS))
    names = [host for host in settings.ALLOWED_HOSTS if _is_name(host)]
    return [f"https://{name}" for name in dict.fromkeys(names)]


def facts_of_settings(origins: Sequence[str] = ()) -> SiteFacts:
    """Return the facts about this site that its bucket settings depend on.

    If ``origins`` is empty, the facts contain the origins in Django's settings. Raises
    ValueError for an invalid origin.
    """
    return site_facts(
        options(),
        bucket=settings.S3_BUCKET,
        origins=origins or origins_of_settings(),
        endpoint_urls=[settings.S3_ENDPOINT_URL, settings.S3_PUBLIC_ENDPOINT_URL],
        region=settings.S3_REGION,
    )


def setup_bucket(profile: str = "") -> Bucket:
    """Return the site's bucket with setup's credentials.

    Raises StorageUnavailable if setup has no credentials.
    """
    return Bucket(
        client=setup_client(profile),
        name=settings.S3_BUCKET,
        expected_owner=settings.S3_EXPECTED_BUCKET_OWNER,
    )


def setup_queue(profile: str = "") -> SetupQueue | None:
    """Return the site's queue with setup's credentials, or None if it has no queue."""
    if not settings.S3_NOTIFICATIONS_QUEUE_URL:
        return None
    return SetupQueue(settings.S3_NOTIFICATIONS_QUEUE_URL, profile)


def site_probe(remove_as: Bucket | None = None) -> SignedProbe:
    """Return a probe that tests one upload and one download.

    The probe uploads with the signer's credentials and downloads with the worker's. It
    deletes its objects with the credentials of ``remove_as``. By default, these are the
    worker's credentials.
    """
    worker = get_bucket()
    signer = "uploads_signer" if "uploads_signer" in settings.STORAGES else "uploads"
    return SignedProbe(
        uploads=presigner_of(signer, worker.client, as_server=True),
        downloads=presigner_of("uploads", worker.client, as_server=True),
        key_prefix=options().key_prefix,
        remove=(remove_as or worker).delete_object,
    )


def set_up_site(
    facts: SiteFacts,
    bucket: Bucket,
    *,
    apply: bool,
    queue: QueuePolicy | None = None,
    only: Set[str] | None = None,
) -> Iterator[Result]:
    """Apply the site's wanted settings, and yield a result for each setting.

    ``bucket`` must have setup's credentials. Raises StorageUnavailable if the worker or
    the signer has no credentials.
    """
    probe = site_probe()
    configuration = Configuration(bucket, queue)
    try:
        yield from set_up(configuration, facts, probe, apply=apply, only=only)
    finally:
        probe.clear()


def apply(
    bucket: Bucket, *, origins: Sequence[str], probe: Probe | None = None
) -> list[Result]:
    """Create the bucket if it is missing, and apply the site's wanted settings.

    Raises StorageUnavailable if a step in NEEDED fails. A failure of another setting is
    only recorded in the returned results.
    """
    facts = facts_of_settings(origins)
    if probe is None:
        results = list(set_up_site(facts, bucket, apply=True))
    else:
        results = list(set_up(Configuration(bucket), facts, probe, apply=True))
    failed = [
        result
        for result in results
        if result.outcome == Outcome.FAILED and result.name in NEEDED
    ]
    if failed:
        raise StorageUnavailable(f"{failed[0].title}: {failed[0].reason}")
    return results


def _is_name(host: str) -> bool:
    """Return whether an entry of ALLOWED_HOSTS names one host that is not localhost.

    Returns False for wildcards, IP addresses and names of this machine.
    """
    if host == "*" or host.startswith(".") or is_loopback(host.strip("[]")):
        return False
    name = urlsplit(f"https://{host}").hostname or ""
    return bool(name) and not name.replace(".", "").isdigit() and ":" not in name
