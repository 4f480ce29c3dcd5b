"""Without scripts, a person reserves space, sends a form and completes the upload."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.support.builders import quota_counts
from tests.support.plain_forms import begin_form, store_form_object
from tests.support.storage_faults import s3_answers_500
from uploads import lifecycle
from uploads.doctor.memory import remember_promises
from uploads.doctor.results import note
from uploads.models import StorageQuota, Upload, UploadPolicy
from uploads.s3.bucket import Bucket
from uploads.states import State

pytestmark = pytest.mark.django_db

MB = 1000**2


@pytest.fixture
def page(client: Client, alice: Any) -> Client:
    client.force_login(alice)
    return client


def reserve(page: Client, **changes: str) -> Any:
    return page.post("/uploads/form/", {"room": str(100 * MB), **changes})


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_reservation_redirects_to_the_page_with_the_form(
    page: Client, alice: Any, bucket: Bucket
) -> None:
    answer = reserve(page, filename="a/b/notes.txt")

    upload = Upload.objects.get()
    assert answer.status_code == 303
    assert answer["Location"] == f"/uploads/{upload.pk}/send/"
    assert upload.filename == "notes.txt"
    assert quota_counts(alice) == (0, 100 * MB, 0, 1)


def test_reservation_over_the_quota_is_refused_on_the_same_page(
    page: Client, alice: Any, bucket: Bucket
) -> None:
    StorageQuota.objects.create(user=alice, limit_bytes=40 * MB)

    answer = reserve(page, filename="notes.txt")

    text = text_of(answer)
    assert answer.status_code == 403
    assert (
        "not have enough space for a file of up to 100 MB: 40 MB of your 40 MB are free"
        in text
    )
    assert 'value="notes.txt"' in text
    assert "40 MB, all your free space" in text
    assert not Upload.objects.exists()
    assert quota_counts(alice) == (0, 0, 0, 0)


def test_reservation_over_the_file_quota_is_refused_with_a_message(
    page: Client, alice: Any, bucket: Bucket
) -> None:
    StorageQuota.objects.create(user=alice, max_files=0)

    answer = reserve(page)

    assert answer.status_code == 403
    assert "You have reached the limit of 0 files" in text_of(answer)


def test_page_offers_no_form_if_the_storage_does_not_support_forms(
    page: Client, alice: Any, bucket: Bucket
) -> None:
    begun = reserve(page)
    words = "the storage does not accept files from HTML forms."
    assert words not in text_of(page.get("/"))

    remember_promises([note("contract.post.right", "", "S3 answered 501")])

    home = text_of(page.get("/"))
    assert words in home
    assert 'action="/uploads/form/"' not in home
    refused = reserve(page)
    assert refused.status_code == 409
    assert words in text_of(refused)
    assert words in text_of(page.get(begun["Location"], follow=True))
    assert quota_counts(alice) == (0, 100 * MB, 0, 1)


def test_policy_refuses_a_reservation_and_limits_the_offered_sizes(
    page: Client, alice: Any, bucket: Bucket
) -> None:
    UploadPolicy.objects.create(
        user=alice, max_file_size=50 * MB, allowed_content_types=["image/*"]
    )

    too_large = reserve(page)
    wrong_type = reserve(page, room="rest", filename="notes.txt")

    assert too_large.status_code == 413
    assert "On this page, you may send files of up to 50 MB." in text_of(too_large)
    assert '<option value="100000000"' not in text_of(too_large)
    assert '<option value="rest">50 MB, the maximum' in text_of(too_large)
    assert wrong_type.status_code == 415
    assert "Files of type text/plain may not be uploaded here." in text_of(wrong_type)
    assert quota_counts(alice) == (0, 0, 0, 0)


def test_missing_size_is_reported_at_the_field(page: Client, bucket: Bucket) -> None:
    answer = reserve(page, room="")

    assert answer.status_code == 422
    assert "This field is required." in text_of(answer)


@pytest.mark.parametrize("room", [str(100 * MB), "rest"])
def test_double_click_reserves_once(
    page: Client, alice: Any, bucket: Bucket, room: str
) -> None:
    StorageQuota.objects.create(user=alice, limit_bytes=100 * MB)

    answers = [reserve(page, room=room, idempotency_key="the same") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [303, 303]
    assert answers[0]["Location"] == answers[1]["Location"]
    assert quota_counts(alice) == (0, 100 * MB, 0, 1)


def test_same_idempotency_key_with_another_size_is_a_new_reservation(
    page: Client, alice: Any, bucket: Bucket
) -> None:
    answers = [
        reserve(page, room=room, idempotency_key="the same")
        for room in ("100000000", "rest")
    ]

    assert answers[0]["Location"] != answers[1]["Location"]
    assert Upload.objects.count() == 2


def test_reservation_of_all_free_space_is_refused_if_no_space_is_free(
    page: Client, alice: Any, bucket: Bucket
) -> None:
    StorageQuota.objects.create(user=alice, limit_bytes=0)

    answer = reserve(page, room="rest")

    assert answer.status_code == 403
    assert "You do not have enough space for a file" in text_of(answer)
    assert not Upload.objects.exists()


def test_page_of_a_received_file_shows_no_form(
    page: Client, alice: Any, bucket: Bucket
) -> None:
    upload = begin_form(alice, 100)
    store_form_object(bucket, upload, b"hello")
    lifecycle.advance(upload)

    answer = page.get(f"/uploads/{upload.pk}/send/")

    assert (answer.status_code, answer["Location"]) == (302, f"/uploads/{upload.pk}/")


@pytest.mark.parametrize("state", [State.PENDING, State.CANCELLED])
def test_completing_a_form_before_the_file_arrived_shows_the_form_again(
    page: Client, alice: Any, bucket: Bucket, state: State
) -> None:
    upload = begin_form(alice, 100)
    if state == State.CANCELLED:
        lifecycle.remove(upload)

    answer = page.get(f"/uploads/{upload.pk}/arrived/", {"key": "x", "etag": "y"})

    assert answer.status_code == (409 if state == State.PENDING else 302)
    if state == State.PENDING:
        assert "The file has not arrived." in text_of(answer)
        assert 'type="file"' in text_of(answer)


def test_unavailable_storage_shows_a_page(
    page: Client, alice: Any, bucket: Bucket
) -> None:
    upload = begin_form(alice, 100)
    store_form_object(bucket, upload, b"hello")

    with s3_answers_500(bucket, "HeadObject"):
        answer = page.get(f"/uploads/{upload.pk}/arrived/")

    assert answer.status_code == 503
    assert "Nothing is lost" in text_of(answer)
    assert page.get(f"/uploads/{upload.pk}/arrived/").status_code == 302


def test_page_of_a_pending_form_upload_links_to_the_form(
    page: Client, alice: Any, bucket: Bucket
) -> None:
    upload = begin_form(alice, 100 * MB)

    text = text_of(page.get(f"/uploads/{upload.pk}/"))

    assert f'href="/uploads/{upload.pk}/send/"' in text
    assert "The file has not arrived yet." in text
    assert 'up to <span data-bytes="100000000">100 MB</span>' in text


def test_newest_fifty_files_are_listed_for_browsers_without_scripts(
    page: Client, alice: Any, bucket: Bucket, django_assert_max_num_queries: Any
) -> None:
    uploads = [begin_form(alice, 1, f"file {number}.txt") for number in range(52)]

    with django_assert_max_num_queries(
        20
    ):  # the number of queries does not grow with the files
        text = text_of(page.get("/"))

    shown = text.partition("<noscript> <section")[2].partition("</noscript>")[0]
    assert [u.pk for u in reversed(uploads) if str(u.pk) in shown] == [
        upload.pk for upload in reversed(uploads[2:])
    ]
    assert "These are your newest 50 files." in shown


def test_api_lists_a_form_upload_without_a_presigned_request(
    page: Client, alice: Any, bucket: Bucket
) -> None:
    upload = begin_form(alice, 100)

    [listed] = page.get("/api/v1/uploads").json()["results"]

    assert listed["transport"] == "form"
    assert (listed["byte_size"], listed["id"]) == (100, str(upload.pk))
    assert "request" not in listed


def test_rate_limited_reservation_shows_a_page(
    page: Client, alice: Any, bucket: Bucket, settings: Any
) -> None:
    settings.UPLOADS = {"RATE_START": "1/minute"}
    reserve(page)

    answer = reserve(page)

    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert quota_counts(alice) == (0, 100 * MB, 0, 1)
