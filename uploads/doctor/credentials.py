"""Tests the expiry and the permissions of the site's identities.

An identity is a pair of S3 credentials. The signer signs the URLs of uploads. The
worker makes all calls of the running site.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.conf import settings

from uploads.conf import options
from uploads.doctor.addresses import host_of
from uploads.doctor.examination import Examination
from uploads.doctor.results import Finding, fail, group, note, ok, skip, warn
from uploads.s3.configuration import Refusal
from uploads.s3.credentials import Credentials
from uploads.s3.probe import perform, put_request
from uploads.s3.rights import adds_checksums, excess_calls, signer_calls, worker_calls
from uploads.s3.wanted.access import ACTIONS, Identity, features_of, iam_policy
from uploads.s3.wanted.site_facts import is_loopback
from uploads.s3.wire import NoAnswer

MASKED = 4


def ask_credentials(examination: Examination) -> Iterator[Finding]:
    """Yield the findings about the worker and the signer.

    Tests the calls that these identities need, and calls that S3 must refuse to them.
    """
    worker = examination.downloads.credentials()
    signer = examination.uploads.credentials()
    yield ok("credentials.worker", "The worker identity", described(worker))
    yield _apart(worker, signer)
    yield _lifetime(signer, datetime.now(UTC))
    yield from _worker_rights(examination)
    yield _worker_limits(examination)
    if signer.access_key != worker.access_key:
        yield from _signer_limits(examination)


def described(credentials: Credentials) -> str:
    """Return a text with the shortened access key and the expiry of an identity."""
    key = credentials.access_key
    shown = key if len(key) <= 2 * MASKED else f"{key[:MASKED]}...{key[-MASKED:]}"
    if credentials.expires_at is None:
        return f"{shown}, does not expire"
    return f"{shown}, until {credentials.expires_at:%Y-%m-%d %H:%M:%S} UTC"


def _apart(worker: Credentials, signer: Credentials) -> Finding:
    name, title = "credentials.signer", "A separate identity signs upload URLs"
    if signer.access_key != worker.access_key:
        return ok(name, title, described(signer))
    fact = "The worker identity also signs upload URLs."
    consequence = (
        "A bug in the code that signs URLs could give users the worker's permissions."
    )
    if settings.DEBUG:
        return note(name, title, fact, consequence)
    return warn(
        name,
        title,
        fact,
        consequence,
        "Create an identity with the policy that `manage.py iam_policy signer` prints. "
        "Then set S3_SIGNER_ACCESS_KEY_ID and S3_SIGNER_SECRET_ACCESS_KEY.",
    )


def _lifetime(signer: Credentials, now: datetime) -> Finding:
    name, title = "credentials.lifetime", "URLs expire before the credentials"
    if signer.expires_at is None:
        return ok(name, title)
    wanted = timedelta(seconds=options().url_expiry_seconds)
    left = signer.expires_at - now
    if left > wanted:
        fact = f"The credentials expire in {left.total_seconds():.0f} s."
        return ok(name, title, fact)
    return warn(
        name,
        title,
        f"The credentials expire in {left.total_seconds():.0f} s, "
        f"but URLs should be valid for {wanted.total_seconds():.0f} s.",
        "When the credentials expire, the signed URLs expire too. So browsers must "
        "often request new URLs.",
        "Increase the session duration of the role, or reduce "
        "UPLOADS_URL_EXPIRY_SECONDS.",
    )


def _worker_rights(examination: Examination) -> Iterator[Finding]:
    name = "credentials.worker_rights"
    title = "The worker identity has all permissions that it needs"
    key, body = examination.new_key("worker"), examination.random_bytes()
    found = [
        _missing(attempt.operation, attempt.refusal, examination)
        for attempt in worker_calls(examination.worker, key, body)
        if attempt.refusal is not None
    ]
    answers = [finding for finding in found if finding is not None]
    yield group(name, title, answers) if answers else ok(name, title)


def _worker_limits(examination: Examination) -> Finding:
    """Make two harmless calls that S3 must refuse to the worker."""
    name = "credentials.worker_limits"
    title = "The worker identity has only the permissions that it needs"
    allowed = [
        attempt.operation
        for attempt in excess_calls(examination.worker, options().key_prefix)
        if attempt.refusal is None
    ]
    if not allowed:
        return ok(name, title)
    fact = f"The worker identity may also {' and '.join(allowed)}."
    consequence = (
        "A stolen access key of the worker gives access to more than the files of "
        "this site."
    )
    if settings.DEBUG or is_loopback(host_of(examination.public_url)):
        return note(name, title, fact, consequence)
    fix = (
        "Grant the worker identity only the policy that `manage.py iam_policy worker` "
        "prints."
    )
    return warn(name, title, fact, consequence, fix)


def _missing(
    operation: str, refusal: Refusal, examination: Examination
) -> Finding | None:
    name = f"credentials.worker_rights.{operation}"
    title = f"The worker identity may call {operation}"
    if operation == "ListObjectVersions" and refusal.is_unknown_setting:
        return note(
            name, title, f"The provider does not support object versions: {refusal}"
        )
    if operation in {"ListParts", "AbortMultipartUpload"} and (not refusal.is_denied):
        # The worker has the permission. S3 refused the made-up id of the upload.
        return None
    if refusal.is_denied:
        actions = ", ".join(action for action, _ in ACTIONS[operation])
        return fail(
            name,
            title,
            str(refusal),
            _CONSEQUENCES.get(operation, "Uploads cannot be completed."),
            f"Grant the worker identity {actions}. manage.py iam_policy worker prints "
            "the whole policy of this identity.",
        )
    if operation == "PutObject" and adds_checksums(examination.worker):
        return fail(
            f"{name}.sdk_checksums",
            title,
            f"{refusal}. boto3 adds checksums that this provider does not accept.",
            "The server cannot write objects, so forms without JavaScript fail.",
            "Set request_checksum_calculation to when_required in the client_config of "
            'STORAGES["uploads"].',
        )
    return fail(
        name,
        title,
        str(refusal),
        "Uploads cannot be completed.",
        "Find this error in the provider's documentation.",
    )


_CONSEQUENCES = {
    "DeleteObject": "Deleted files remain in the bucket and cost money.",
    "AbortMultipartUpload": "Parts of cancelled uploads remain in the bucket and cost "
    "money.",
    "ListObjectVersions": "Files of erased users may remain in the bucket.",
    "ListObjectsV2": "For a missing object, S3 answers 403 instead of 404. The sweeper "
    "and manage.py audit cannot list the objects of the bucket.",
}


def _signer_limits(examination: Examination) -> Iterator[Finding]:
    name, title = "credentials.signer_limits", "The signer identity may only upload"
    key, body = examination.new_key("signer"), examination.random_bytes()
    try:
        put = perform(put_request(examination.uploads, key, body), body)
    except NoAnswer as error:
        yield skip(name, title, f"The probe object could not be stored: {error}")
        return
    if put.status != 200:
        yield skip(name, title, f"The probe object could not be stored: {put}")
        return
    allowed = [
        attempt.operation
        for attempt in signer_calls(examination.signer, key)
        if attempt.refusal is None
    ]
    if not allowed:
        yield ok(name, title)
        return
    policy = iam_policy(
        Identity.SIGNER, examination.facts, features_of(examination.facts)
    )
    actions = ", ".join(policy["Statement"][0]["Action"])
    yield warn(
        name,
        title,
        f"The signer identity may also call {', '.join(allowed)}.",
        "A bug in the code that signs URLs could let users read or delete other files.",
        f"Grant the signer identity only {actions}. manage.py iam_policy signer prints "
        "the policy.",
    )
