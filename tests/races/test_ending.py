"""Cancel or delete an upload during other calls for the same upload."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.races.files import MIB, checksum, declare, put, send
from tests.races.threads import at_once, race
from uploads import lifecycle
from uploads.errors import InvalidState
from uploads.lifecycle import WantedPart
from uploads.models import Upload
from uploads.s3.bucket import Bucket
from uploads.states import State, Transport

pytestmark = pytest.mark.usefixtures("check_consistency")

CONTENT = b"hello"
ROUNDS = range(6)
TRANSPORTS = [Transport.PUT, Transport.MULTIPART]


def start(owner: Any, transport: Transport = Transport.PUT) -> Upload:
    return lifecycle.start(
        owner=owner, declaration=declare(CONTENT, transport=transport)
    )


def read(upload: Upload) -> Upload:
    """Read the row again, as each request does."""
    return Upload.objects.get(pk=upload.pk)


def remove(upload: Upload) -> str:
    row = read(upload)
    lifecycle.remove(row)
    return row.state


def rename(upload: Upload) -> None:
    lifecycle.rename(read(upload), "other.txt")


def complete(upload: Upload) -> str:
    return lifecycle.advance(read(upload)).state


def assert_only(results: list[Any], *allowed: Any) -> None:
    """Check that each result is an allowed value, or an error of an allowed class."""
    for result in results:
        assert result in allowed or type(result) in allowed, repr(result)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_removal_during_completions_ends_the_upload(
    alice: Any, bucket: Bucket, transport: Transport
) -> None:
    for _ in ROUNDS:
        upload = start(alice, transport)
        send(upload, CONTENT)

        *completions, removal = race(
            [
                *[partial(complete, upload)] * 4,
                partial(remove, upload),
            ]
        )

        assert removal in {State.CANCELLED, State.DELETED}
        assert read(upload).state == removal
        # A completion during the inspection of another completion returns `inspecting`.
        assert_only(completions, State.READY, State.INSPECTING, InvalidState)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_removal_of_a_ready_file_during_completions_deletes_the_file(
    alice: Any, bucket: Bucket, transport: Transport
) -> None:
    for _ in ROUNDS:
        upload = start(alice, transport)
        send(upload, CONTENT)
        lifecycle.advance(upload)

        completion, removal = race(
            [
                partial(complete, upload),
                partial(remove, upload),
            ]
        )

        assert removal == State.DELETED
        assert_only([completion], State.READY, InvalidState)


def test_16_removals_of_one_file_release_its_bytes_once(
    alice: Any, bucket: Bucket
) -> None:
    kept = start(alice)
    upload = start(alice)
    send(upload, CONTENT)
    lifecycle.advance(upload)

    results = at_once(lambda: remove(upload), threads=16)

    assert results == [State.DELETED] * 16
    assert upload.events.filter(kind="upload.deleted").count() == 1
    assert read(kept).state == State.PENDING


def test_16_cancels_of_one_upload_release_its_bytes_once(
    alice: Any, bucket: Bucket
) -> None:
    start(alice)
    upload = start(alice, Transport.MULTIPART)

    results = at_once(lambda: remove(upload), threads=16)

    assert results == [State.CANCELLED] * 16
    assert upload.events.filter(kind="upload.cancelled").count() == 1


def test_cancelled_upload_gets_no_url(alice: Any, bucket: Bucket) -> None:
    def presign(row: Upload) -> Any:
        if row.transport == Transport.MULTIPART:
            return lifecycle.presign_parts(row, [WantedPart(1, checksum(CONTENT))])[0]
        return lifecycle.presign(row)

    for transport in TRANSPORTS * 3:
        upload = start(alice, transport)
        rows = [read(upload) for _ in range(7)]
        canceller = rows.pop()

        results = race(
            [
                *[partial(presign, row) for row in rows],
                partial(lifecycle.remove, canceller),
            ]
        )

        assert results.pop() is None
        row = read(upload)
        for result in results:
            if isinstance(result, InvalidState):
                continue
            # The row has the latest expiry of all signed URLs, so the purge waits for
            # it.
            assert row.urls_expire_at is not None
            assert row.urls_expire_at >= result.expires_at
            assert row.purged_at is None
            put(result, CONTENT)  # bytes that arrive after the cancel
        for stale in rows:
            with pytest.raises(InvalidState):
                presign(stale)


def test_url_signed_before_a_cancel_with_a_stale_row_delays_the_purge(
    alice: Any, bucket: Bucket
) -> None:
    upload = start(alice)
    canceller = read(upload)
    signed: Any = lifecycle.presign(upload)

    lifecycle.remove(canceller)
    assert put(signed, CONTENT) == 200

    assert read(upload).purged_at is None


def test_cancel_with_a_stale_row_aborts_the_multipart_upload(
    alice: Any, bucket: Bucket
) -> None:
    upload = start(alice, Transport.MULTIPART)
    canceller = read(upload)
    canceller.multipart_id = ""  # the value before the start saved the id

    lifecycle.remove(canceller)

    assert list(bucket.list_multipart_uploads(upload.key)) == []


def test_cancels_during_repeated_starts_leave_no_open_multipart_upload(
    alice: Any, bucket: Bucket
) -> None:
    declaration = declare(b"", byte_size=20 * MIB)

    def begin() -> Any:
        return lifecycle.start(
            owner=alice, declaration=declaration, idempotency_key=key
        ).state

    def cancel() -> None:
        for row in Upload.objects.filter(owner=alice, idempotency_key=key):
            lifecycle.remove(row)

    for number in ROUNDS:
        key = f"round {number}"
        results = race([begin, cancel, begin, cancel, begin, cancel])

        assert_only(results, State.PENDING, State.CANCELLED, None)


def test_rename_during_a_removal_succeeds_before_the_removal_or_fails(
    alice: Any, bucket: Bucket
) -> None:
    for _ in ROUNDS:
        upload = start(alice)
        send(upload, CONTENT)
        lifecycle.advance(upload)

        renaming, removal = race([partial(rename, upload), partial(remove, upload)])

        assert removal == State.DELETED
        assert_only([renaming], None, InvalidState)
        events = list(upload.events.order_by("id").values_list("kind", flat=True))
        assert events[-1] == "upload.deleted"
        renamed = renaming is None
        assert read(upload).filename == ("other.txt" if renamed else "notes.txt")
        assert events.count("upload.renamed") == renamed
