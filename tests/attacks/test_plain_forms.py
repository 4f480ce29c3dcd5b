"""Attacks with the form that sends a file without scripts.

The form limits the size of the file, but signs neither the exact size nor the bytes. It
is safe because it writes to an incoming key, from which the site serves no file.
"""

from __future__ import annotations

import html
import re
import threading
import time
from dataclasses import dataclass
from typing import Any

import pytest
from django.utils import timezone

from tests.attacks.people import HELLO, Person, assert_problem, declaration
from tests.bucket.stores import BOUNDARY, Answer, RawRequest, form, send_raw
from tests.support.builders import let_time_pass, quota_counts
from uploads.lifecycle import receiving
from uploads.models import StorageQuota, Upload
from uploads.s3.bucket import Bucket, get_bucket
from uploads.s3.copying import copy_object
from uploads.s3.keys import incoming_key
from uploads.states import State
from uploads.upkeep.auditing import audit
from uploads.upkeep.sweeper import sweep

HTML = b"<!doctype html><script>alert(1)</script>"
ROOM = 100_000_000


@dataclass(frozen=True)
class Form:
    """The form of one upload on the page."""

    upload_id: str
    url: str
    fields: dict[str, str]

    @property
    def row(self) -> Upload:
        return Upload.objects.get(pk=self.upload_id)

    @property
    def key(self) -> str:
        return self.fields["key"]

    def send(self, content: bytes = HELLO, **changed: str) -> Answer:
        fields = self.fields | {n.replace("_", "-"): v for n, v in changed.items()}
        return send_raw(form(self.url, fields, content))

    def without(self, name: str) -> Answer:
        fields = {n: value for n, value in self.fields.items() if n != name}
        return send_raw(form(self.url, fields, HELLO))


def open_form(person: Person, name: str = "notes.txt", room: str = str(ROOM)) -> Form:
    """Reserve space, open the next page, and parse its form as a browser does."""
    answer = person.browser.post("/uploads/form/", {"room": room, "filename": name})
    assert answer.status_code == 303, answer.content
    page = person.browser.get(answer["Location"]).content.decode()
    return read_form(page)


def read_form(page: str) -> Form:
    [shown] = re.findall(r"<form[^>]*multipart/form-data.*?</form>", page, re.DOTALL)
    [url] = re.findall(r'action="([^"]*)"', shown)
    fields = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', shown)
    back = dict(fields)["success_action_redirect"]
    [upload_id] = re.findall(r"/uploads/([0-9a-f-]{36})/arrived/$", html.unescape(back))
    unescaped = {name: html.unescape(value) for name, value in fields}
    return Form(upload_id, html.unescape(url), unescaped)


def follow(person: Person, sent: Form) -> Any:
    """Request the URL to which S3 redirects."""
    return person.browser.get(f"/uploads/{sent.upload_id}/arrived/")


def receive(person: Person, content: bytes = HELLO, **asked: Any) -> Form:
    sent = open_form(person, **asked)
    assert sent.send(content).status == 303
    assert follow(person, sent).status_code == 302
    return sent


def served(person: Person, sent: Form) -> bytes:
    answer = person.call("GET", f"/uploads/{sent.upload_id}/download")
    assert answer.status_code == 302, answer.content
    return send_raw(RawRequest("GET", answer["Location"], {})).body


def test_form_uploads_a_file(alice: Person) -> None:
    # The next tests prove something only if an unchanged form works.
    sent = open_form(alice)
    answer = sent.send()

    assert answer.status == 303
    assert answer.headers["Location"].startswith(
        f"http://testserver/uploads/{sent.upload_id}/arrived/?"
    )
    assert follow(alice, sent)["Location"] == f"/uploads/{sent.upload_id}/"
    assert sent.row.state == State.READY
    assert served(alice, sent) == HELLO
    assert quota_counts(alice.user) == (5, 0, 1, 0)


def test_form_with_a_changed_or_missing_field_is_refused(
    alice: Person, subtests: pytest.Subtests
) -> None:
    # A field that is not signed could be chosen by the attacker.
    sent = open_form(alice)

    for name in (
        "key",
        "Content-Type",
        "Content-Disposition",
        "success_action_redirect",
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "policy",
        "x-amz-signature",
    ):
        changed = sent.fields | {name: sent.fields[name] + "0"}
        with subtests.test(name=name):
            assert send_raw(form(sent.url, changed, HELLO)).status in {400, 403}
            assert sent.without(name).status in {400, 403}
            assert get_bucket().head_object(sent.key) is None
    # The unchanged form is accepted, so each refusal was due to its changed field.
    assert sent.send().status == 303


def test_form_cannot_write_to_another_key(
    alice: Person, bob: Person, seaweed_bucket: Bucket, subtests: pytest.Subtests
) -> None:
    # The most important case is the upload's own key, because the site serves the
    # object under this key.
    sent, other = open_form(alice), open_form(bob)

    for key in (
        sent.row.key,
        other.key,
        "elsewhere/a",
        sent.key.replace("incoming/", "incoming/../"),
        f"{sent.key}/${{filename}}",
    ):
        with subtests.test(key=key):
            assert sent.send(key=key).status in {400, 403}
            written = {entry.key for entry in seaweed_bucket.list_objects("")}
            assert not written & {key, sent.row.key, sent.key, other.key}


@pytest.mark.parametrize(
    "name", ["acl", "tagging", "x-amz-acl", "x-amz-meta-a", "x-amz-storage-class"]
)
def test_additional_form_field_has_no_effect(alice: Person, name: str) -> None:
    # AWS refuses all these fields. SeaweedFS ignores the first two, and the site's copy
    # does not inherit them.
    sent = open_form(alice)

    answer = send_raw(form(sent.url, {**sent.fields, name: "public-read"}, HELLO))

    assert answer.status == (403 if name.startswith("x-amz-") else 303)
    if answer.status == 303:
        follow(alice, sent)
        stranger = f"{sent.url}/{sent.row.key}"
        assert send_raw(RawRequest("GET", stranger, {})).status == 403


@pytest.mark.parametrize("header", ["Content-Encoding", "Cache-Control", "Expires"])
def test_headers_from_form_fields_do_not_reach_the_copy(
    alice: Person, header: str
) -> None:
    # With a Content-Encoding, browsers would decode the bytes of a download.
    sent = open_form(alice)
    fields = {**sent.fields, header: "gzip"}
    assert send_raw(form(sent.url, fields, HELLO)).status == 303  # AWS answers 403

    follow(alice, sent)

    if header == "Content-Encoding":
        assert sent.row.state == State.REJECTED
        return
    answer = get_bucket().client.head_object(Bucket=get_bucket().name, Key=sent.row.key)
    assert "gzip" not in {answer.get("CacheControl"), answer.get("ExpiresString")}
    assert answer["ContentType"] == "text/plain"


def test_form_with_one_byte_over_the_reservation_is_refused(alice: Person) -> None:
    # Only the form's content-length-range limits the size to the reservation.
    assert alice.user is not None
    StorageQuota.objects.create(user=alice.user, limit_bytes=5)
    sent = open_form(alice, room="rest")

    answer = sent.send(b"hello!")

    assert (answer.status, b"EntityTooLarge" in answer.body) == (400, True)
    assert get_bucket().head_object(sent.key) is None
    assert follow(alice, sent).status_code == 409
    assert quota_counts(alice.user) == (0, 5, 0, 1)


def test_form_with_two_file_fields_stores_one_file(alice: Person) -> None:
    # S3 and the site must not use different files of one form.
    sent = open_form(alice)
    raw_request = form(sent.url, sent.fields, HELLO)
    end = f"--{BOUNDARY}--\r\n".encode()
    second = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="g"'
        "\r\n\r\n"
    ).encode() + HTML
    two = raw_request.body.removesuffix(end) + second + b"\r\n" + end

    send_raw(raw_request.with_body(two))
    follow(alice, sent)

    if sent.row.state == State.READY:
        assert served(alice, sent) == HELLO
        assert sent.row.byte_size == len(HELLO)


def test_form_without_a_file_stores_at_most_an_empty_file(alice: Person) -> None:
    sent = open_form(alice)
    raw_request = form(sent.url, sent.fields, b"")
    file_field = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"'
    fields, _, _ = raw_request.body.partition(file_field.encode())
    send_raw(raw_request.with_body(fields + f"--{BOUNDARY}--\r\n".encode()))

    follow(alice, sent)

    assert sent.row.state in {State.PENDING, State.READY}
    assert quota_counts(alice.user)[0] == 0


def test_form_cannot_redirect_to_another_site(
    alice: Person, subtests: pytest.Subtests
) -> None:
    sent = open_form(alice)

    for target in ("https://evil.example/", "//evil.example/", "javascript:alert(1)"):
        with subtests.test(target=target):
            changed = sent.fields | {"success_action_redirect": target}
            assert send_raw(form(sent.url, changed, HELLO)).status == 403


def test_form_page_of_another_person_is_answered_like_an_unknown_id(
    alice: Person, bob: Person, subtests: pytest.Subtests
) -> None:
    path = f"/uploads/{open_form(alice).upload_id}/"

    for page in ("send/", "arrived/", ""):
        with subtests.test(page=page):
            assert bob.browser.get(f"{path}{page}").status_code == 404
    for page in ("delete/", "rename/"):
        with subtests.test(page=page):
            assert bob.browser.post(f"{path}{page}").status_code == 404


def test_facts_in_the_redirect_are_ignored(alice: Person, bob: Person) -> None:
    # The redirect's URL may contain any bucket, key and ETag. The site uses the row's
    # facts.
    mine, other = open_form(alice), receive(bob, b"bob's")

    answer = alice.browser.get(
        f"/uploads/{mine.upload_id}/arrived/",
        {"bucket": "slipway", "key": other.row.key, "etag": other.row.etag},
    )

    assert answer.status_code == 409
    assert mine.row.state == State.PENDING


def test_form_of_another_site_cannot_reserve_space(alice: Person) -> None:
    checked = Person(alice.user, enforce_csrf_checks=True)

    answer = checked.browser.post("/uploads/form/", {"room": str(ROOM)})

    assert answer.status_code == 403
    assert not Upload.objects.exists()
    assert alice.browser.get("/uploads/form/").status_code == 405


def test_reservation_must_be_an_offered_size(
    alice: Person, subtests: pytest.Subtests
) -> None:
    for room in ("", "-1", "0", "1", "1e9", str(10**15), "all"):
        with subtests.test(room=room):
            answer = alice.browser.post("/uploads/form/", {"room": room})
            assert answer.status_code == 422
            assert not Upload.objects.exists()


def test_form_sent_again_until_its_expiry_does_not_change_the_file(
    alice: Person, seaweed_bucket: Bucket, settings: Any
) -> None:
    sent = open_form(alice)
    settings.UPLOADS = {**settings.UPLOADS, "URL_EXPIRY_SECONDS": 2}
    page = alice.browser.get(f"/uploads/{sent.upload_id}/send/")
    short_lived = read_form(page.content.decode())
    sent.send()
    follow(alice, sent)
    assert sent.send(HTML).status == 303
    assert served(alice, sent) == HELLO
    deadline = time.monotonic() + 60

    while (status := short_lived.send(HTML).status) == 303:
        assert time.monotonic() < deadline, "The form has not expired in time."
        assert served(alice, sent) == HELLO
        assert follow(alice, sent).status_code == 302

    assert status == 403
    assert sent.row.state == State.READY
    sweep()
    assert seaweed_bucket.head_object(sent.key) is None
    assert list(audit()) == []
    assert served(alice, sent) == HELLO
    assert quota_counts(alice.user) == (5, 0, 1, 0)


@pytest.mark.parametrize("content", [HELLO, HTML])
def test_sweeper_deletes_bytes_of_a_form_sent_after_a_delete(
    alice: Person, seaweed_bucket: Bucket, content: bytes
) -> None:
    # The delete has released the quota, so no quota counts these bytes.
    sent = receive(alice)
    alice.call("DELETE", f"/uploads/{sent.upload_id}")
    assert sent.send(content).status == 303

    assert (
        follow(alice, sent).status_code == 302
    )  # to a page that shows the upload as deleted
    let_time_pass(hours=2)
    sweep()

    assert sent.row.state == State.DELETED
    assert seaweed_bucket.head_object(sent.key) is None
    assert seaweed_bucket.head_object(sent.row.key) is None


def test_form_sent_again_does_not_restore_a_rejected_file(
    alice: Person, seaweed_bucket: Bucket
) -> None:
    sent = receive(alice, b"MZ\x90\x00" + bytes(60), name="picture.png")
    assert sent.row.state == State.REJECTED
    assert sent.send().status == 303

    follow(alice, sent)

    assert sent.row.state == State.REJECTED
    let_time_pass(hours=2)
    sweep()
    assert seaweed_bucket.head_object(sent.key) is None


def test_bytes_replaced_before_the_copy_are_checked_again(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The form replaces the object after the site has read its size and ETag. S3 refuses
    # the copy, because its If-Match has the old ETag. The site then reads both again.
    sent = open_form(alice)
    sent.send()
    real, swaps = copy_object, [b"x" * 100]

    def replace_then_copy(*arguments: Any, **named: Any) -> None:
        if swaps:
            assert sent.send(swaps.pop()).status == 303
        real(*arguments, **named)

    monkeypatch.setattr(f"{receiving.__name__}.copy_object", replace_then_copy)
    assert follow(alice, sent).status_code == 302

    assert sent.row.state == State.READY
    assert sent.row.byte_size == 100
    assert served(alice, sent) == b"x" * 100
    assert quota_counts(alice.user) == (100, 0, 1, 0)


def test_form_sent_during_every_attempt_is_answered_503_and_succeeds_later(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = open_form(alice)
    sent.send()
    real = copy_object

    def replace_then_copy(*arguments: Any, **named: Any) -> None:
        sent.send(timezone.now().isoformat().encode())
        real(*arguments, **named)

    monkeypatch.setattr(f"{receiving.__name__}.copy_object", replace_then_copy)
    assert follow(alice, sent).status_code == 503
    assert sent.row.state == State.PENDING
    monkeypatch.undo()

    assert follow(alice, sent).status_code == 302
    assert sent.row.state == State.READY


def test_bytes_replaced_after_the_copy_do_not_change_the_file(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = open_form(alice)
    sent.send()
    real = copy_object

    def copy_then_replace(*arguments: Any, **named: Any) -> None:
        real(*arguments, **named)
        sent.send(HTML)

    monkeypatch.setattr(f"{receiving.__name__}.copy_object", copy_then_replace)
    follow(alice, sent)

    assert sent.row.state == State.READY
    assert served(alice, sent) == HELLO
    assert quota_counts(alice.user) == (5, 0, 1, 0)


def test_form_sent_continuously_gives_one_unchanged_file(alice: Person) -> None:
    # One thread sends the form without a pause, another thread completes the upload.
    sent = open_form(alice)
    sent.send(b"0" * 10)

    def send_on() -> None:
        for number in range(200):
            sent.send(b"%d" % (number % 10) * (number % 50))

    sender = threading.Thread(target=send_on)
    sender.start()
    while sent.row.state == State.PENDING:
        follow(alice, sent)
    first = served(alice, sent)
    while sender.is_alive():
        follow(alice, sent)
        assert served(alice, sent) == first
    sender.join()

    assert sent.row.byte_size == len(first)
    assert quota_counts(alice.user) == (len(first), 0, 1, 0)


def test_api_refuses_to_start_or_presign_a_form_upload(alice: Person) -> None:
    # A presigned PUT for the upload's own key would bypass the copy.
    assert_problem(
        alice.call("POST", "/uploads", declaration(HELLO, transport="form")),
        422,
        "invalid_request",
    )
    sent = open_form(alice)
    received = alice.call("GET", f"/uploads/{sent.upload_id}").json()
    parts = {"parts": [{"part_number": 1, "checksum_sha256": "A" * 43 + "="}]}

    assert received["transport"] == "form"
    assert_problem(
        alice.call("POST", f"/uploads/{sent.upload_id}/parts", parts),
        409,
        "invalid_state",
    )


def test_idempotency_key_of_the_api_never_matches_a_form_upload(alice: Person) -> None:
    # Otherwise the API would return a presigned URL for the upload's own key.
    token = "0" * 32
    alice.browser.post("/uploads/form/", {"room": str(ROOM), "idempotency_key": token})
    facts = declaration(HELLO)

    for key in (token, f"form {ROOM} {token}", f"form%20{ROOM}%20{token}"):
        answer = alice.call("POST", "/uploads", facts, **{"Idempotency-Key": key})
        assert answer.status_code in {201, 422}
        if answer.status_code == 201:
            assert answer.json()["transport"] == "put"


def test_page_of_the_form_does_not_contain_the_uploads_own_key(alice: Person) -> None:
    sent = open_form(alice)
    page = alice.browser.get(f"/uploads/{sent.upload_id}/send/")

    assert sent.row.key not in page.content.decode()
    assert incoming_key(sent.row.key) in page.content.decode()
    assert "no-store" in page["Cache-Control"]


def test_policy_permits_forms_to_the_bucket_only_on_the_forms_page(
    alice: Person,
) -> None:
    # On other pages, an injected form could send a person's input to the bucket.
    sent = open_form(alice)
    origin = "/".join(sent.url.split("/")[:3])

    def allowed(path: str) -> str:
        policy = alice.browser.get(path)["Content-Security-Policy"]
        [found] = re.findall(r"form-action ([^;]*)", policy)
        return str(found)

    assert allowed(f"/uploads/{sent.upload_id}/send/") == f"'self' {origin}"
    assert allowed(f"/uploads/{sent.upload_id}/") == "'self'"
    assert allowed("/") == "'self'"
