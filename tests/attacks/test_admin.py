"""Attacks on the admin by staff without rights, and by forms with additional fields."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.attacks.people import Person
from uploads.access.tokens import create_token, use_token
from uploads.models import ApiToken, AuditEvent, StorageQuota, Upload, UploadPolicy
from uploads.states import State

LIST = "/admin/uploads/upload/"


def act(person: Person, action: str, upload: Any, **more: Any) -> Any:
    fields = {"action": action, "_selected_action": upload.id, "confirmed": "yes"}
    return person.browser.post(LIST, {**fields, **more})


@pytest.mark.parametrize(
    "rights", [(), ("view_upload",), ("view_upload", "change_upload"), ("add_upload",)]
)
def test_staff_without_permission_cannot_delete(
    alice: Person, staff: Any, rights: tuple[str, ...], subtests: pytest.Subtests
) -> None:
    # A hidden button is no protection, because staff can send its request directly.
    started = alice.upload()
    person = staff(*rights)

    for action in ("remove", "purge_again", "delete_selected"):
        with subtests.test(action=action):
            act(person, action, started)
            assert started.row.state == State.READY
    person.browser.post(f"{LIST}{started.id}/delete/", {"post": "yes"})
    assert started.row.state == State.READY


@pytest.mark.parametrize("rights", [(), ("view_upload",), ("delete_upload",)])
def test_staff_without_permission_cannot_read_content(
    alice: Person, staff: Any, rights: tuple[str, ...]
) -> None:
    # The permission to view rows does not include the permission to read files.
    started = alice.upload()

    answer = staff(*rights).browser.get(f"{LIST}{started.id}/download/")

    assert answer.status_code == 403
    assert b"X-Amz-Signature" not in answer.content


FORGED = {
    "state": "ready",
    "owner": "1",
    "key": "uploads/other",
    "byte_size": "0",
    "filename": "x",
    "checksum_sha256": "x",
    "detected_type": "image/png",
    "_save": "Save",
    "form-TOTAL_FORMS": "1",
    "form-INITIAL_FORMS": "1",
    "form-0-state": "ready",
    "form-0-id": "1",
    "events-TOTAL_FORMS": "1",
    "events-INITIAL_FORMS": "0",
    "events-0-kind": "upload.ready",
}


def test_superuser_cannot_change_facts_of_an_upload(
    alice: Person, subtests: pytest.Subtests
) -> None:
    # These facts describe the object, so a changed field would contradict the bucket.
    started = alice.start()
    before = Upload.objects.values().get(pk=started.id)
    operator = Person(User.objects.create_superuser("operator"))

    for page in (f"{started.id}/change/", "add/", "", f"{started.id}/delete/"):
        with subtests.test(page=page):
            operator.browser.post(f"{LIST}{page}", FORGED)
            assert Upload.objects.values().get(pk=started.id) == before
            assert Upload.objects.count() == 1
            kinds = AuditEvent.objects.filter(upload_id=started.id).values_list("kind")
            assert sorted(kinds) == [("upload.presigned",), ("upload.started",)]


def test_audit_trail_cannot_be_changed_in_the_admin(
    alice: Person, subtests: pytest.Subtests
) -> None:
    # An attacker would first erase the traces of the attack.
    alice.start()
    operator = Person(User.objects.create_superuser("operator"))
    before = list(AuditEvent.objects.order_by("pk").values())
    event = next(line for line in before if line["kind"] == "upload.started")

    forged = {
        "kind": "upload.ready",
        "post": "yes",
        "action": "delete_selected",
        "_selected_action": event["id"],
    }

    for page in (f"{event['id']}/change/", f"{event['id']}/delete/", "add/", ""):
        with subtests.test(page=page):
            operator.browser.post(f"/admin/uploads/auditevent/{page}", forged)
            assert list(AuditEvent.objects.order_by("pk").values()) == before


def test_quota_form_cannot_set_counters(alice: Person) -> None:
    # Setting the used bytes to 0 would have the effect of a larger limit.
    alice.upload()
    operator = Person(User.objects.create_superuser("operator"))
    assert alice.user is not None

    operator.browser.post(
        f"/admin/uploads/storagequota/{alice.user.pk}/change/",
        {"limit_bytes": "1 GB", "used_bytes": "0", "file_count": "0", "user": "999"},
    )

    row = StorageQuota.objects.get(user=alice.user)
    assert (row.limit_bytes, row.used_bytes, row.file_count) == (1000**3, 5, 1)


@pytest.mark.parametrize("page", ["storagequota", "uploadpolicy", "apitoken"])
def test_staff_without_permission_cannot_change_rules(staff: Any, page: str) -> None:
    # With these forms, an attacker could raise their own quota, change the policy, or
    # create a token for another person.
    person = staff("view_upload", "change_upload")
    assert person.user is not None

    for path in ("", "add/", "1/change/"):
        answer = person.browser.post(
            f"/admin/uploads/{page}/{path}",
            {"user": person.user.pk, "limit_bytes": "1 PB", "name": "x"},
        )
        assert answer.status_code in {302, 403}

    assert not StorageQuota.objects.exists()
    assert not UploadPolicy.objects.exists()
    assert not ApiToken.objects.exists()


def test_staff_cannot_create_a_token_for_another_person(
    alice: Person, staff: Any
) -> None:
    # A token has all rights of its account. With a token of a superuser, staff would
    # have all rights.
    boss = User.objects.create_superuser("boss")
    person = staff("add_apitoken", "view_apitoken")

    page = person.browser.post(
        "/admin/uploads/apitoken/add/",
        {"user": boss.pk, "name": "mine", "scope": "read"},
    ).content.decode()

    assert not ApiToken.objects.filter(user=boss).exists()
    secret = page.partition('class="secret">')[2].partition("<")[0]
    token = use_token(secret)
    assert token is not None
    assert token.user == person.user


def test_token_is_shown_once_and_not_cached(staff: Any) -> None:
    # A browser's history or a proxy could keep a page that shows the token.
    person = staff("add_apitoken", "view_apitoken")

    answer = person.browser.post(
        "/admin/uploads/apitoken/add/", {"name": "mine", "scope": "read"}
    )
    later = person.browser.get("/admin/uploads/apitoken/", follow=True)
    secret = answer.content.decode().partition('class="secret">')[2].partition("<")[0]

    assert secret.startswith("slipway_")
    assert "no-store" in answer["Cache-Control"]
    assert secret not in later.content.decode()
    assert all(secret not in morsel.value for morsel in person.browser.cookies.values())


@pytest.mark.parametrize("page", ["upload", "auditevent", "apitoken", "storagequota"])
def test_filters_cannot_query_secrets(
    alice: Person, page: str, subtests: pytest.Subtests
) -> None:
    # With a filter by prefix, staff could find out a hash letter by letter.
    operator = Person(User.objects.create_superuser("operator"))
    assert alice.user is not None
    create_token(alice.user, name="script")

    for query in (
        "user__password__startswith=pbkdf2",
        "owner__password__startswith=pbkdf2",
        "upload__owner__password__regex=.",
        "actor__password__startswith=a",
        "user__api_tokens__digest__startswith=a",
    ):
        with subtests.test(query=query):
            answer = operator.browser.get(f"/admin/uploads/{page}/?{query}")
            # The admin answers a known but forbidden lookup with 400, and an unknown
            # lookup with a redirect.
            assert answer.status_code in {302, 400}
