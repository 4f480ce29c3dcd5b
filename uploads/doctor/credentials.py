"""Questions about the identities: their names, expiry and permissions."""

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
    """Answer the questions. The signer's forbidden calls are tested too."""
    worker = examination.downloads.credentials()
    signer = examination.uploads.credentials()
    yield ok("credentials.worker", "The worker", described(worker))
    yield _apart(worker, signer)
    yield _lifetime(signer, datetime.now(UTC))
    yield from _worker_rights(examination)
    yield _worker_limits(examination)
    if signer.access_key != worker.access_key:
        yield from _signer_limits(examination)


def described(credentials: Credentials) -> str:
    """Return an identity in words, with its access key shortened."""
    key = credentials.access_key
    shown = key if len(key) <= 2 * MASKED else f"{key[:MASKED]}...{key[-MASKED:]}"
    if credentials.expires_at is None:
        return f"{shown}, does not expire"
    return f"{shown}, until {credentials.expires_at:%Y-%m-%d %H:%M:%S} UTC"


def _apart(worker: Credentials, signer: Credentials) -> Finding:
    name, title = "credentials.signer", "The signer is a separate identity"
    if signer.access_key != worker.access_key:
        return ok(name, title, described(signer))
    fact = "Upload URLs are signed by the worker."
    consequence = "An attacker who can alter such a URL has the worker's permissions."
    if settings.DEBUG:
        return note(name, title, fact, consequence)
    return warn(
        name,
        title,
        fact,
        consequence,
        "Create an identity with the policy of `manage.py iam_policy signer` and set "
        "S3_SIGNER_ACCESS_KEY_ID and S3_SIGNER_SECRET_ACCESS_KEY.",
    )


def _lifetime(signer: Credentials, now: datetime) -> Finding:
    name, title = "credentials.lifetime", "URLs expire before the credentials"
    if signer.expires_at is None:
        return ok(name, title)
    wanted = timedelta(seconds=options().url_expiry_seconds)
    left = signer.expires_at - now
    if left > wanted:
        return ok(name, title, f"{left.total_seconds():.0f} s are left")
    return warn(
        name,
        title,
        f"The credentials expire in {left.total_seconds():.0f} s, "
        f"but URLs should be valid for {wanted.total_seconds():.0f} s.",
        "URLs expire with the credentials, so slow uploads have to ask again.",
        "Let the role give longer sessions, or reduce UPLOADS_URL_EXPIRY_SECONDS.",
    )


def _worker_rights(examination: Examination) -> Iterator[Finding]:
    name, title = "credentials.worker_rights", "The worker has its permissions"
    key, body = examination.new_key("worker"), examination.random_bytes()
    found = [
        _missing(attempt.operation, attempt.refusal, examination)
        for attempt in worker_calls(examination.worker, key, body)
        if attempt.refusal is not None
    ]
    answers = [finding for finding in found if finding is not None]
    yield group(name, title, answers) if answers else ok(name, title)


def _worker_limits(examination: Examination) -> Finding:
    """Make two calls that the site never needs. Neither call changes anything."""
    name, title = "credentials.worker_limits", "The worker has no other permissions"
    allowed = [
        attempt.operation
        for attempt in excess_calls(examination.worker, options().key_prefix)
        if attempt.refusal is None
    ]
    if not allowed:
        return ok(name, title)
    fact = f"It may also {' and '.join(allowed)}."
    consequence = "A stolen key of the worker opens more than the site's files."
    if settings.DEBUG or is_loopback(host_of(examination.public_url)):
        return note(name, title, fact, consequence)
    fix = "Grant the worker the policy of `manage.py iam_policy worker`, nothing else."
    return warn(name, title, fact, consequence, fix)


def _missing(
    operation: str, refusal: Refusal, examination: Examination
) -> Finding | None:
    name = f"credentials.worker_rights.{operation}"
    title = f"{operation} as the worker"
    if operation == "ListObjectVersions" and refusal.is_unknown_setting:
        return note(name, title, f"The provider has no versions: {refusal}")
    if operation in {"ListParts", "AbortMultipartUpload"} and (not refusal.is_denied):
        return None  # The version id is invented, so any other refusal is expected.
    if refusal.is_denied:
        actions = ", ".join(action for action, _ in ACTIONS[operation])
        return fail(
            name,
            title,
            str(refusal),
            _CONSEQUENCES.get(operation, "Uploads cannot be completed."),
            f"Grant the worker {actions}: manage.py iam_policy worker",
        )
    if operation == "PutObject" and adds_checksums(examination.worker):
        return fail(
            f"{name}.sdk_checksums",
            title,
            f"{refusal}. boto3 adds checksums that this provider does not accept.",
            "The server cannot write, and copies of plain forms fail.",
            "Set request_checksum_calculation to when_required in the client_config of "
            'STORAGES["uploads"].',
        )
    return fail(
        name, title, str(refusal), "Uploads cannot be completed.", "See the answer."
    )


_CONSEQUENCES = {
    "DeleteObject": "Deleted files remain in the bucket and cost money.",
    "AbortMultipartUpload": "Parts of cancelled uploads stay and cost money.",
    "ListObjectVersions": "Files of erased users may stay in the bucket.",
    "ListObjectsV2": "A missing object looks like a refusal, and the audit cannot run.",
}


def _signer_limits(examination: Examination) -> Iterator[Finding]:
    name, title = "credentials.signer_limits", "The signer may only put"
    key, body = examination.new_key("signer"), examination.random_bytes()
    try:
        put = perform(put_request(examination.uploads, key, body), body)
    except NoAnswer as error:
        yield skip(name, title, f"There is no object to test it with: {error}")
        return
    if put.status != 200:
        yield skip(name, title, f"There is no object to test it with: {put}")
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
        f"It may call {', '.join(allowed)} too.",
        "An altered upload URL could read or delete other people's files.",
        f"Grant the signer {actions} and nothing else: manage.py iam_policy signer",
    )
