"""Bob, who is logged in, tries all actions on the uploads of Alice."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.attacks.people import HELLO, Person, assert_problem, declaration
from tests.bucket.stores import sha256
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


def assert_answers_like_unknown_id(
    person: Person, upload_id: str, status: int, code: str, subtests: pytest.Subtests
) -> None:
    """Check that every action is answered as for an unknown id, and changes nothing."""
    before = Upload.objects.values().get(pk=upload_id)
    lines = AuditEvent.objects.filter(upload_id=upload_id)
    lines_before = list(lines.values_list("pk", flat=True))

    for name, (method, tail, body) in VERBS.items():
        with subtests.test(name=name):
            answer = person.call(method, f"/uploads/{upload_id}{tail}", body)
            of_nothing = person.call(method, f"/uploads/{uuid.uuid4()}{tail}", body)
            assert_problem(answer, status, code)
            assert answer.content == of_nothing.content
            assert answer.headers.keys() == of_nothing.headers.keys()
            assert Upload.objects.values().get(pk=upload_id) == before
            assert list(lines.values_list("pk", flat=True)) == lines_before


@pytest.mark.parametrize("is_ready", [False, True], ids=["pending", "ready"])
def test_upload_of_another_person_is_answered_like_an_unknown_id(
    alice: Person, bob: Person, is_ready: bool, subtests: pytest.Subtests
) -> None:
    # If one byte of the answer differed, Bob could learn which ids exist.
    started = alice.upload() if is_ready else alice.start()

    assert_answers_like_unknown_id(bob, started.id, 404, "not_found", subtests)


def test_page_of_another_persons_upload_is_not_found(
    alice: Person, bob: Person, subtests: pytest.Subtests
) -> None:
    # The pages perform the same actions as the API.
    started = alice.upload()

    pages = [("get", ""), ("post", "rename/"), ("post", "delete/")]
    for method, tail in (*pages, ("post", "request-release/")):
        with subtests.test(method=method, tail=tail):
            answer = getattr(bob.browser, method)(
                f"/uploads/{started.id}/{tail}", {"filename": "mine.txt"}
            )
            assert answer.status_code == 404
            assert b"hello.txt" not in answer.content
            kept = (started.row.state, started.row.filename)
            assert kept == (State.READY, "hello.txt")


def test_list_and_search_have_only_own_files(alice: Person, bob: Person) -> None:
    # A missing filter by owner is a common mistake in lists.
    alice.upload()
    alice_page = alice.call("GET", "/uploads?limit=1").json()

    for query in ("", "?q=hello", "?state=ready", "?q=%25", "?limit=100"):
        assert bob.call("GET", f"/uploads{query}").json()["results"] == []
    assert len(alice_page["results"]) == 1


def test_cursor_of_another_persons_list_gives_no_access(
    alice: Person, bob: Person
) -> None:
    # A cursor contains the position of a row and is not secret, so it must give no
    # rights.
    alice.start()
    alice.start()
    cursor = alice.call("GET", "/uploads?limit=1").json()["next_cursor"]
    assert cursor

    assert bob.call("GET", f"/uploads?cursor={cursor}").json()["results"] == []


def test_batch_with_uploads_of_two_owners_completes_only_own_uploads(
    alice: Person, bob: Person
) -> None:
    # Checking the owner once for a batch, instead of for each id, is a common mistake.
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


def test_idempotency_key_is_valid_only_for_its_owner(
    alice: Person, bob: Person
) -> None:
    # Otherwise a guessed key would return another person's upload with a presigned URL.
    key = {"Idempotency-Key": "monday-backup"}
    hers = alice.call("POST", "/uploads", declaration(HELLO), **key).json()
    his = bob.call("POST", "/uploads", declaration(HELLO), **key).json()

    assert hers["id"] != his["id"]
    assert Upload.objects.get(pk=his["id"]).owner == bob.user


def test_upload_uses_the_quota_of_its_sender(alice: Person, bob: Person) -> None:
    # Bob could otherwise fill the quota of Alice, so that she can upload no more.
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
def test_people_without_staff_rights_cannot_open_the_admin(
    bob: Person, page: str
) -> None:
    # A login alone gives no rights in the admin.
    answer = bob.browser.get(page)

    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/login/")


def test_download_in_the_admin_requires_staff_rights(
    alice: Person, bob: Person
) -> None:
    # This view does not check the owner, so it must check a permission.
    started = alice.upload()

    answer = bob.browser.get(f"/admin/uploads/upload/{started.id}/download/")

    assert "X-Amz-Signature" not in answer["Location"]
    assert answer["Location"].startswith("/admin/login/")


def test_disabled_account_loses_access_at_once(
    alice: Person, subtests: pytest.Subtests
) -> None:
    # Each request must check the account, because its sessions and tokens still exist.
    started = alice.upload()
    assert alice.user is not None
    _, secret = create_token(alice.user, name="script")
    User.objects.filter(pk=alice.user.pk).update(is_active=False)
    bearer = {"Authorization": f"Bearer {secret}"}

    for name, (method, tail, body) in VERBS.items():
        path = f"/uploads/{started.id}{tail}"
        with subtests.test(name=name):
            by_session = alice.call(method, path, body)
            assert_problem(by_session, 401, "not_authenticated")
            by_token = Person(None).call(method, path, body, **bearer)
            assert_problem(by_token, 401, "not_authenticated")
    # After the account is active again, its session and token work, so only the account
    # was the reason.
    User.objects.filter(pk=alice.user.pk).update(is_active=True)
    assert alice.call("GET", "/me").status_code == 200
    assert Person(None).call("GET", "/me", **bearer).status_code == 200


def test_client_without_login_cannot_learn_which_uploads_exist(
    alice: Person, stranger: Person, subtests: pytest.Subtests
) -> None:
    # With 401 for existing and 404 for unknown ids, anybody could learn which ids
    # exist.
    started = alice.upload()

    assert_answers_like_unknown_id(
        stranger, started.id, 401, "not_authenticated", subtests
    )
