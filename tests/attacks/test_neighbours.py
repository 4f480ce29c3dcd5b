"""Bob, logged in and curious, tries everything on what is Alice's."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.attacks.people import HELLO, Person, assert_problem, declaration
from tests.bucket.stores import sha256
from tests.support.stages import case
from uploads.access.tokens import create_token
from uploads.models import AuditEvent, StorageQuota, Upload
from uploads.states import State

PARTS = {"parts": [{"part_number": 1, "checksum_sha256": sha256(HELLO)}]}
VERBS: dict[str, tuple[str, str, Any]] = {
    "read": ("GET", "", None),
    "rename": ("PATCH", "", {"filename": "mine.txt"}),
    "delete": ("DELETE", "", None),
    "presign parts": ("POST", "/parts", PARTS),
    "list parts": ("GET", "/parts", None),
    "complete": ("POST", "/complete", None),
    "request release": ("POST", "/request-release", None),
    "download": ("GET", "/download", None),
    "show": ("GET", "/download?inline=1", None),
}


def assert_no_verb_tells(
    person: Person, upload_id: str, status: int, code: str
) -> None:
    """Try every verb: the answer is that of an upload that never was, and nothing moves."""
    before = Upload.objects.values().get(pk=upload_id)
    lines = AuditEvent.objects.filter(upload_id=upload_id)
    lines_before = list(lines.values_list("pk", flat=True))

    for name, (method, tail, body) in VERBS.items():
        with case(name):
            answer = person.call(method, f"/uploads/{upload_id}{tail}", body)
            of_nothing = person.call(method, f"/uploads/{uuid.uuid4()}{tail}", body)
            assert_problem(answer, status, code)
            assert answer.content == of_nothing.content
            assert answer.headers.keys() == of_nothing.headers.keys()
            assert Upload.objects.values().get(pk=upload_id) == before
            assert list(lines.values_list("pk", flat=True)) == lines_before


@pytest.mark.parametrize("is_ready", [False, True], ids=["pending", "ready"])
def test_a_neighbours_upload_answers_like_one_that_never_was(
    alice: Person, bob: Person, is_ready: bool
) -> None:
    # A different answer, in one byte, would tell which ids exist.
    started = alice.upload() if is_ready else alice.start()

    assert_no_verb_tells(bob, started.id, 404, "not_found")


def test_a_neighbours_page_is_not_there(alice: Person, bob: Person) -> None:
    # Pages are a second door to the same rooms.
    started = alice.upload()

    doors = [("get", ""), ("post", "rename/"), ("post", "delete/")]
    for method, tail in (*doors, ("post", "request-release/")):
        with case(method, tail):
            answer = getattr(bob.browser, method)(
                f"/uploads/{started.id}/{tail}", {"filename": "mine.txt"}
            )
            assert answer.status_code == 404
            assert b"hello.txt" not in answer.content
            kept = (started.row.state, started.row.filename)
            assert kept == (State.READY, "hello.txt")


def test_a_list_and_a_search_hold_ones_own_files_only(
    alice: Person, bob: Person
) -> None:
    # The list is where an ownership filter is forgotten first.
    alice.upload()
    alice_page = alice.call("GET", "/uploads?limit=1").json()

    for query in ("", "?q=hello", "?state=ready", "?q=%25", "?limit=100"):
        assert bob.call("GET", f"/uploads{query}").json()["results"] == []
    assert len(alice_page["results"]) == 1


def test_a_cursor_of_a_neighbours_list_opens_nothing(
    alice: Person, bob: Person
) -> None:
    # A cursor names a row, and is not secret: it must not stand in for a right.
    alice.start()
    alice.start()
    cursor = alice.call("GET", "/uploads?limit=1").json()["next_cursor"]
    assert cursor

    assert bob.call("GET", f"/uploads?cursor={cursor}").json()["results"] == []


def test_a_batch_that_mixes_owners_completes_ones_own_only(
    alice: Person, bob: Person
) -> None:
    # One check for the whole batch instead of one for each id is the classic.
    theirs, mine = alice.start(), bob.start()

    answer = bob.call(
        "POST",
        "/uploads/complete-batch",
        {"ids": [theirs.id, mine.id, str(uuid.uuid4())]},
    )

    statuses = [item["status"] for item in answer.json()["results"]]
    codes = [item["problem"]["code"] for item in answer.json()["results"]]
    assert statuses == [404, 409, 404]
    assert codes == ["not_found", "incomplete", "not_found"]
    assert theirs.id not in answer.content.decode()


def test_an_idempotency_key_is_ones_own(alice: Person, bob: Person) -> None:
    # A guessed key would return a neighbour's upload, with a URL to write it.
    key = {"Idempotency-Key": "monday-backup"}
    hers = alice.call("POST", "/uploads", declaration(HELLO), **key).json()
    his = bob.call("POST", "/uploads", declaration(HELLO), **key).json()

    assert hers["id"] != his["id"]
    assert Upload.objects.get(pk=his["id"]).owner == bob.user


def test_a_neighbour_spends_ones_own_quota(alice: Person, bob: Person) -> None:
    # Filling somebody else's quota would lock them out.
    bob.start()

    assert not StorageQuota.objects.filter(user=alice.user).exists()
    assert alice.call("GET", "/me").json()["quota"]["reserved_bytes"] == 0


@pytest.mark.parametrize(
    "page",
    [
        "/admin/",
        "/admin/uploads/upload/",
        "/admin/uploads/auditevent/",
        "/admin/uploads/storagequota/",
        "/admin/uploads/apitoken/add/",
        "/admin/auth/user/",
    ],
)
def test_the_admin_is_closed_to_people_without_staff_rights(
    bob: Person, page: str
) -> None:
    # A login is not a rank.
    answer = bob.browser.get(page)

    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/login/")


def test_the_admins_download_is_closed_to_neighbours(
    alice: Person, bob: Person
) -> None:
    # It asks for no owner, so it must ask for a permission.
    started = alice.upload()

    answer = bob.browser.get(f"/admin/uploads/upload/{started.id}/download/")

    assert "X-Amz-Signature" not in answer["Location"]
    assert answer["Location"].startswith("/admin/login/")


def test_a_disabled_account_is_out_at_once(alice: Person) -> None:
    # Sessions and tokens outlive a dismissal unless each request asks.
    started = alice.upload()
    assert alice.user is not None
    _, secret = create_token(alice.user, name="script")
    User.objects.filter(pk=alice.user.pk).update(is_active=False)
    bearer = {"Authorization": f"Bearer {secret}"}

    for name, (method, tail, body) in VERBS.items():
        path = f"/uploads/{started.id}{tail}"
        with case(name):
            by_session = alice.call(method, path, body)
            assert_problem(by_session, 401, "not_authenticated")
            by_token = Person(None).call(method, path, body, **bearer)
            assert_problem(by_token, 401, "not_authenticated")
    # It was the account and nothing else: session and token outlive its pause.
    User.objects.filter(pk=alice.user.pk).update(is_active=True)
    assert alice.call("GET", "/me").status_code == 200
    assert Person(None).call("GET", "/me", **bearer).status_code == 200


def test_strangers_learn_nothing(alice: Person, stranger: Person) -> None:
    # 401 for what exists and 404 for what does not would be a list of files.
    started = alice.upload()

    assert_no_verb_tells(stranger, started.id, 401, "not_authenticated")
