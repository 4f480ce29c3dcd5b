"""The admin: permissions, read-only rows, actions, and the cost of lists."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from uploads import lifecycle
from uploads.access.tokens import create_token, use_token
from uploads.admin.byte_sizes import parse
from uploads.admin.filters import KindFilter
from uploads.admin.listing import ListAdmin
from uploads.admin.paginator import CappedPaginator
from uploads.admin.presenting import bar
from uploads.admin.uploads import UploadAdmin
from uploads.lifecycle import quota
from uploads.models import (
    ApiToken,
    AuditEvent,
    StorageQuota,
    Upload,
    UploadPolicy,
)
from uploads.s3.bucket import Bucket
from uploads.states import State
from uploads.views.wording import WORDS

pytestmark = pytest.mark.django_db

GB = 1000**3
LIST = "/admin/uploads/upload/"
EVENTS = "/admin/uploads/auditevent/"
QUOTAS = "/admin/uploads/storagequota/"
POLICIES = "/admin/uploads/uploadpolicy/"
TOKENS = "/admin/uploads/apitoken/"


@pytest.fixture
def operator(admin_client: Client) -> Client:
    return admin_client


NUL = (
    f"{LIST}?state__exact=%00",
    f"{LIST}?transport=put&owner__id__exact=a%00b",
    f"{EVENTS}?kind=%00",
    f"{EVENTS}?%00=1",
    "/?next=%00",
)


@pytest.mark.parametrize("address", NUL)
def test_nul_in_a_url_is_refused_before_the_database(
    operator: Client, address: str
) -> None:
    with CaptureQueriesContext(connection) as queries:
        answer = operator.get(address)

    assert answer.status_code == 400
    assert (
        "The address contains a NUL character (%00). Remove it."
        in answer.content.decode()
    )
    assert len(queries) == 0


@pytest.mark.parametrize("page", ["/", "/api/v1/uploads"])
def test_nul_in_a_cookie_is_refused_before_the_database(
    client: Client, page: str
) -> None:
    cookie = r'sessionid="aaaaaaaa\000aaaaaaaaaaaaaaaaaaaaaaa"; other=1'

    with CaptureQueriesContext(connection) as queries:
        answer = client.get(page, headers={"Cookie": cookie})

    assert answer.status_code == (302 if page == "/" else 401)
    assert len(queries) == 0


def test_escaped_percent_sign_before_zeros_is_accepted(operator: Client) -> None:
    assert operator.get(f"{LIST}?q=%2500").status_code == 200


def staff(users: Any, *permissions: str) -> Client:
    """Return a client of a staff account with only these permissions."""
    person = users.objects.create_user("sam", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(person)
    return client


def make_upload(owner: Any, number: int = 0, **changes: Any) -> Upload:
    now = timezone.now()
    facts: dict[str, Any] = {
        "owner": owner,
        "state": State.READY,
        "transport": "put",
        "key": f"uploads/00/00{number:038x}",
        "filename": f"notes {number}.txt",
        "byte_size": 5,
        "part_size": 5,
        "content_type": "text/plain",
        "created_at": now - timedelta(minutes=number),
        "expires_at": now + timedelta(days=7),
        "completed_at": now,
    }
    return Upload.objects.create(**{**facts, **changes})


def store(bucket: Bucket, upload: Upload, content: bytes = b"hello") -> None:
    bucket.client.put_object(
        Bucket=bucket.name,
        Key=upload.key,
        Body=content,
        ContentType=upload.content_type,
        ChecksumAlgorithm="SHA256",
    )


def act(client: Client, action: str, *uploads: Upload, **more: Any) -> Any:
    chosen = [str(upload.pk) for upload in uploads]
    data = {"action": action, "_selected_action": chosen, "index": 0, **more}
    return client.post(LIST, data, follow=True)


def said(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def names(response: Any) -> list[str]:
    return [upload.filename for upload in response.context["cl"].result_list]


def change_page(upload: Upload) -> str:
    return f"{LIST}{upload.pk}/change/"


def download_page(upload: Upload) -> str:
    return reverse("admin:uploads_upload_download", args=[upload.pk])


# Permissions


@pytest.mark.parametrize("address", [LIST, EVENTS, QUOTAS, POLICIES, TOKENS])
def test_staff_without_permission_see_no_uploads(
    django_user_model: Any, address: str
) -> None:
    assert staff(django_user_model).get(address).status_code == 403


def test_viewer_has_no_download_and_no_actions(
    django_user_model: Any, alice: Any
) -> None:
    upload = make_upload(alice)
    viewer = staff(django_user_model, "view_upload")

    page = viewer.get(LIST)

    assert upload.filename in page.content.decode()
    assert download_page(upload) not in page.content.decode()
    assert viewer.get(download_page(upload)).status_code == 403
    act(viewer, "remove", upload, confirmed="yes")
    upload.refresh_from_db()
    assert upload.state == State.READY


def test_permission_to_verify_does_not_permit_deleting(
    django_user_model: Any, alice: Any, bucket: Bucket
) -> None:
    upload = make_upload(alice)
    store(bucket, upload)
    verifier = staff(django_user_model, "view_upload", "change_upload")

    refused = act(verifier, "remove", upload, confirmed="yes")

    assert said(refused) == ["No action selected."]
    upload.refresh_from_db()
    assert upload.state == State.READY
    assert len(said(act(verifier, "verify_again", upload))) == 1


# Rows are read-only


def test_forged_form_does_not_change_an_upload(operator: Client, alice: Any) -> None:
    upload = make_upload(alice)

    answer = operator.post(
        change_page(upload), {"state": "deleted", "filename": "x", "byte_size": 0}
    )

    assert answer.status_code == 403
    upload.refresh_from_db()
    assert (upload.state, upload.filename, upload.byte_size) == (
        State.READY,
        "notes 0.txt",
        5,
    )


def test_admin_has_no_form_to_add_or_delete_an_upload(
    operator: Client, alice: Any
) -> None:
    upload = make_upload(alice)

    assert operator.get(f"{LIST}add/").status_code == 403
    assert operator.post(f"{LIST}{upload.pk}/delete/", {"post": "yes"}).status_code == (
        403
    )
    act(operator, "delete_selected", upload, post="yes")
    assert Upload.objects.filter(pk=upload.pk).exists()


def test_upload_page_shows_fields_and_events_read_only(
    operator: Client, alice: Any
) -> None:
    upload = make_upload(alice, filename="<img src=x onerror=alert(1)>.png")
    AuditEvent.objects.create(upload=upload, kind="upload.started", request_id="r-1")

    page = operator.get(change_page(upload)).content.decode()

    assert "&lt;img src=x onerror=alert(1)&gt;.png" in page
    assert "<img src=x" not in page
    assert "r-1" in page
    assert upload.key in page
    assert 'name="filename"' not in page
    assert 'name="_save"' not in page


def test_upload_page_shows_every_field_of_the_model() -> None:
    shown = set(UploadAdmin.readonly_fields)
    in_other_words = {"owner", "state", "byte_size", "part_size"}
    # The page shows these as links, or as a part of another field.
    in_other_words |= {
        "verified_parts",
        "released_as",
        "released_from",
        "search_name",
        "note",
    }

    columns = {field.name for field in Upload._meta.concrete_fields}

    assert columns - shown == in_other_words


def test_upload_page_shows_the_newest_events_up_to_a_limit(
    operator: Client, alice: Any
) -> None:
    upload = make_upload(alice)
    now = timezone.now()
    AuditEvent.objects.bulk_create(
        AuditEvent(
            upload=upload,
            kind="upload.downloaded",
            at=now + timedelta(seconds=number),
            request_id=f"request-{number:03}",
        )
        for number in range(120)
    )

    with CaptureQueriesContext(connection) as queries:
        page = operator.get(change_page(upload)).content.decode()

    shown = re.findall(r"request-\d{3}", page)
    assert shown == [f"request-{number:03}" for number in range(119, 69, -1)]
    assert len([q for q in queries if "uploads_auditevent" in q["sql"]]) == 1


@pytest.mark.parametrize("verb", ["change", "delete"])
def test_superuser_cannot_add_change_or_delete_events(
    operator: Client, alice: Any, verb: str
) -> None:
    event = AuditEvent.objects.create(upload=make_upload(alice), kind="upload.ready")

    answer = operator.post(f"{EVENTS}{event.pk}/{verb}/", {"post": "yes", "kind": "x"})
    operator.post(
        EVENTS,
        {"action": "delete_selected", "_selected_action": [event.pk], "post": "yes"},
    )

    assert answer.status_code == 403
    assert operator.get(f"{EVENTS}add/").status_code == 403
    assert AuditEvent.objects.get(pk=event.pk).kind == "upload.ready"


def test_account_with_uploads_cannot_be_deleted(operator: Client, alice: Any) -> None:
    event = AuditEvent.objects.create(upload=make_upload(alice), kind="upload.ready")

    operator.post(f"/admin/auth/user/{alice.pk}/delete/", {"post": "yes"})

    assert AuditEvent.objects.filter(pk=event.pk, upload__owner=alice).exists()


# Actions call the lifecycle


def test_delete_action_asks_then_deletes_and_releases_quota(
    operator: Client, alice: Any, admin_user: Any, bucket: Bucket
) -> None:
    StorageQuota.objects.create(user=alice, used_bytes=10, file_count=2)
    uploads = [make_upload(alice, number) for number in range(2)]
    for upload in uploads:
        store(bucket, upload)

    question = act(operator, "remove", *uploads)
    assert "These 2 files will be deleted" in question.content.decode()
    assert bucket.head_object(uploads[0].key) is not None
    answer = act(operator, "remove", *uploads, confirmed="yes")

    assert said(answer) == ['"notes 0.txt", "notes 1.txt": It is now deleted.']
    assert [bucket.head_object(upload.key) for upload in uploads] == [None, None]
    assert quota.usage(alice).used_bytes == 0
    events = AuditEvent.objects.filter(kind="upload.deleted", actor=admin_user)
    assert events.count() == 2


def test_verify_again_shows_a_message_for_each_outcome(
    operator: Client, alice: Any, bucket: Bucket
) -> None:
    same, missing, longer, over = (
        make_upload(alice, 0),
        make_upload(alice, 1),
        make_upload(alice, 2),
        make_upload(alice, 3, state=State.DELETED),
    )
    store(bucket, same)
    store(bucket, longer, b"hello, world")

    answer = act(operator, "verify_again", same, missing, longer, over)

    assert sorted(said(answer)) == [
        '"notes 0.txt": The object matches its row.',
        '"notes 1.txt": The object is missing from the bucket.',
        '"notes 2.txt": The object has 12 bytes, but 5 were declared.',
        '"notes 3.txt": The upload has ended, so there is no object.',
    ]
    found = AuditEvent.objects.filter(kind="upload.reverified")
    assert {event.upload_id: event.detail["agrees"] for event in found} == {
        same.pk: True,
        missing.pk: False,
        longer.pk: False,
    }


def test_verify_again_detects_a_replaced_object(
    operator: Client, alice: Any, bucket: Bucket
) -> None:
    upload = make_upload(alice)
    store(bucket, upload)
    facts = bucket.head_object(upload.key)
    assert facts is not None
    Upload.objects.filter(pk=upload.pk).update(etag=facts.etag)
    store(bucket, upload, b"HELLO")

    answer = act(operator, "verify_again", upload)

    assert said(answer) == [
        '"notes 0.txt": The object was replaced; its ETag is not the recorded one.'
    ]


def test_verify_again_reports_an_incomplete_upload(
    operator: Client, alice: Any, bucket: Bucket
) -> None:
    upload = make_upload(alice, state=State.PENDING, completed_at=None)

    answer = act(operator, "verify_again", upload)

    assert said(answer) == ['"notes 0.txt": The object has not arrived in the bucket.']


def test_purge_again_deletes_a_late_object(
    operator: Client, alice: Any, bucket: Bucket
) -> None:
    late = make_upload(alice, 0, state=State.EXPIRED)
    ready = make_upload(alice, 1)
    store(bucket, late)
    store(bucket, ready)

    answer = act(operator, "purge_again", late, ready)

    assert sorted(said(answer)) == [
        '"notes 0.txt": Its object is deleted.',
        '"notes 1.txt": It is ready. Delete it first.',
    ]
    assert bucket.head_object(late.key) is None
    assert bucket.head_object(ready.key) is not None


def test_action_on_too_many_uploads_is_refused(
    operator: Client, alice: Any, bucket: Bucket
) -> None:
    Upload.objects.bulk_create(
        Upload(
            owner=alice,
            transport="put",
            key=f"uploads/{number}",
            filename="x",
            byte_size=1,
            part_size=1,
            content_type="text/plain",
            expires_at=timezone.now(),
        )
        for number in range(501)
    )
    first = Upload.objects.all()[0]

    answer = act(operator, "remove", first, select_across="1", confirmed="yes")

    assert said(answer) == [
        (
            "You selected more than 500 uploads, so nothing was done. "
            "Select fewer, then try again."
        )
    ]
    assert Upload.objects.filter(state=State.PENDING).count() == 501


def test_download_is_presigned_on_click_and_recorded(
    operator: Client, alice: Any, admin_user: Any, bucket: Bucket
) -> None:
    upload = make_upload(alice)

    pages = operator.get(LIST).content + operator.get(change_page(upload)).content
    assert b"X-Amz-" not in pages
    assert download_page(upload).encode() in pages
    assert not upload.events.exists()
    answer = operator.get(download_page(upload))

    assert answer.status_code == 302
    assert "X-Amz-Signature=" in answer["Location"]
    assert upload.key in answer["Location"]
    event = upload.events.get()
    assert (event.kind, event.actor, event.upload_id) == (
        "upload.downloaded",
        admin_user,
        upload.pk,
    )


def test_upload_that_is_not_ready_has_no_download(
    operator: Client, alice: Any, bucket: Bucket
) -> None:
    upload = make_upload(alice, state=State.REJECTED)

    answer = operator.get(download_page(upload), follow=True)

    assert said(answer) == [
        "The upload is rejected. Only ready uploads can be downloaded."
    ]
    assert not upload.events.exists()


# Lists


def test_number_of_queries_of_a_list_is_constant(
    operator: Client, django_user_model: Any, django_assert_num_queries: Any
) -> None:
    owners = [django_user_model.objects.create_user(f"p{n}") for n in range(30)]
    uploads = [make_upload(owners[0])]
    operator.get(LIST)  # the first request of a session writes its address
    with CaptureQueriesContext(connection) as one:
        operator.get(LIST)
    uploads += [make_upload(owners[n], n) for n in range(1, 30)]

    with django_assert_num_queries(len(one)):
        page = operator.get(LIST)

    assert len(names(page)) == 30


@pytest.mark.parametrize(
    "address",
    [
        LIST,
        f"{LIST}?type=text&transport=put&size=small",
        f"{LIST}?state__exact=ready",
        f"{LIST}?q=notes",
        f"{LIST}?q=uploads/00",
        EVENTS,
        f"{EVENTS}?kind=upload.ready",
        f"{EVENTS}?kind=upload",
        f"{EVENTS}?account=1&actor=1",
        f"{EVENTS}?q=alice",
        QUOTAS,
        POLICIES,
        TOKENS,
    ],
)
def test_no_list_counts_all_rows(operator: Client, alice: Any, address: str) -> None:
    upload = make_upload(alice)
    AuditEvent.objects.create(upload=upload, kind="upload.ready")

    with CaptureQueriesContext(connection) as queries:
        assert operator.get(address).status_code == 200

    counting = [q["sql"] for q in queries if "COUNT(" in q["sql"]]
    assert len(counting) == 1
    assert f"LIMIT {CappedPaginator.LIMIT + 1})" in counting[0]
    assert not [q["sql"] for q in queries if "DISTINCT" in q["sql"]]


def test_count_above_the_limit_is_shown_as_more_than(
    operator: Client, alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CappedPaginator, "LIMIT", 4)
    monkeypatch.setattr(ListAdmin, "list_per_page", 2)
    monkeypatch.setattr(ListAdmin, "list_max_show_all", 2)
    for number in range(5):
        make_upload(alice, number)

    page = operator.get(f"{LIST}?p=2")

    assert "more than 4 uploads" in page.content.decode()
    assert names(page) == ["notes 2.txt", "notes 3.txt"]


def test_admin_shows_the_same_state_names_as_the_site(
    operator: Client, alice: Any
) -> None:
    upload = make_upload(alice, 0, state=State.REJECTED)

    for path in (LIST, f"{LIST}{upload.pk}/change/"):
        page = operator.get(path).content.decode()
        assert f">{WORDS[State.REJECTED]}</span>" in page
        assert ">Rejected" not in page
    script = Path("static/js/page/file-row.js").read_text()
    assert f'"{WORDS[State.REJECTED]}"' in script


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=Invoice", ["invoice.pdf"]),
        ("q=BOB", ["cat.png"]),
        ("q=uploads/00/" + "0" * 40, ["invoice.pdf"]),
        ("q=uploads/00/", ["cat.png", "invoice.pdf"]),
        ("q=nothing", []),
        ("type=image", ["cat.png"]),
        ("type=nonsense", []),
        ("transport=multipart", ["invoice.pdf"]),
        ("size=large", ["cat.png"]),
        ("state__exact=rejected", ["cat.png"]),
        ("q=cat&type=application", []),
    ],
)
def test_filters_and_search_return_matching_uploads(
    operator: Client, alice: Any, django_user_model: Any, query: str, found: list[str]
) -> None:
    bob = django_user_model.objects.create_user("bob")
    make_upload(
        alice,
        0,
        filename="invoice.pdf",
        content_type="application/pdf",
        transport="multipart",
    )
    make_upload(
        bob,
        1,
        filename="cat.png",
        content_type="image/png",
        byte_size=2 * GB,
        state=State.REJECTED,
    )

    assert sorted(names(operator.get(f"{LIST}?{query}"))) == found


def test_search_by_id_returns_the_upload(operator: Client, alice: Any) -> None:
    wanted, _ = make_upload(alice, 0), make_upload(alice, 1)

    assert names(operator.get(f"{LIST}?q={wanted.pk}")) == [wanted.filename]


def test_search_by_name_is_limited_to_the_newest_rows(
    operator: Client, alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("uploads.admin.searching.WINDOW", 2)
    for number in range(4):
        make_upload(alice, number)

    named = operator.get(f"{LIST}?q=notes")
    owned = operator.get(f"{LIST}?q=alice")

    assert names(named) == ["notes 0.txt", "notes 1.txt"]
    assert "Only the newest 2 uploads were searched" in named.content.decode()
    assert len(names(owned)) == 4


def test_date_links_go_from_year_to_day(operator: Client, alice: Any) -> None:
    for number, day in enumerate(("2024-12-30", "2025-02-03", "2025-02-05")):
        moment = datetime.fromisoformat(f"{day}T12:00:00+00:00")
        make_upload(alice, number, created_at=moment)

    def links(query: str) -> list[str]:
        drill_down = operator.get(f"{LIST}?{query}").context["cl"].drill_down()
        return [choice["title"] for choice in drill_down["choices"]]

    year, month = "created_at__year=2025", "created_at__month=2"
    assert links("") == ["2024", "2025"]
    assert links("created_at__year=2024") == ["December"]
    assert links(year) == ["January", "February"]
    assert links(f"{year}&{month}") == [f"February {day}" for day in range(1, 6)]
    chosen = operator.get(f"{LIST}?{year}&{month}&created_at__day=3")
    assert names(chosen) == ["notes 1.txt"]


@pytest.mark.parametrize(
    "query",
    ["created_at__year=x", "created_at__year=2025&created_at__month=13", "p=0", "p=x"],
)
def test_invalid_query_string_is_not_an_error(
    operator: Client, alice: Any, query: str
) -> None:
    make_upload(alice)

    assert operator.get(f"{LIST}?{query}", follow=True).status_code == 200


def test_search_finds_events_by_upload_and_by_request(
    operator: Client, alice: Any
) -> None:
    first, second = make_upload(alice, 0), make_upload(alice, 1)
    AuditEvent.objects.create(upload=first, kind="upload.ready", request_id="a" * 32)
    AuditEvent.objects.create(upload=second, kind="upload.ready", request_id="b" * 32)

    def found(term: Any) -> list[Any]:
        page = operator.get(f"{EVENTS}?q={term}")
        return [event.upload_id for event in page.context["cl"].result_list]

    assert found(first.pk) == [first.pk]
    assert found("b" * 32) == [second.pk]
    assert found("nobody") == []


def test_kind_filter_lists_every_recorded_kind() -> None:
    root = Path(lifecycle.__file__).parent.parent
    sources = [path.read_text() for path in root.rglob("*.py")]
    written = {
        kind
        for text in sources
        for kind in re.findall(r'\b_?record\(\s*"([a-z]+\.[a-z_]+)"', text)
    }

    assert {"upload.renamed", "account.logged_in", "policy.changed"} <= written
    assert written <= set(KindFilter.KINDS)


# Quotas


def test_quota_is_shown_as_a_bar_with_text(operator: Client, alice: Any) -> None:
    StorageQuota.objects.create(
        user=alice, limit_bytes=4 * GB, used_bytes=2 * GB, reserved_bytes=GB
    )

    page = operator.get(QUOTAS).content.decode()

    assert 'aria-label="3 GB of 4 GB"' in page
    assert "3 GB of 4 GB (75%)" in page
    assert "style=" not in re.sub(r"(?s)<head>.*</head>", "", page)


def test_quota_bar_with_limit_zero_is_full() -> None:
    assert "0 bytes of 0 bytes (100%)" in bar(0, 0, 0)
    assert "quota-bar-full" in bar(5, 0, 3)


def test_limits_are_typed_with_units_and_keep_the_counters(
    operator: Client, alice: Any
) -> None:
    row = StorageQuota.objects.create(user=alice, used_bytes=7, file_count=1)

    operator.post(
        f"{QUOTAS}{row.pk}/change/",
        {"limit_bytes": "1.5 GB", "max_files": "9", "max_open": "3", "used_bytes": "0"},
    )

    row.refresh_from_db()
    assert (row.limit_bytes, row.max_files, row.max_open) == (GB * 3 // 2, 9, 3)
    assert (row.used_bytes, row.file_count) == (7, 1)


def test_saving_a_limit_keeps_a_concurrent_reservation(
    operator: Client, alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from uploads.admin.quotas import QuotaForm

    row = StorageQuota.objects.create(user=alice)
    clean = QuotaForm.full_clean

    def clean_while_another_reserves(form: Any) -> None:
        clean(form)
        quota.reserve(alice, 100)

    monkeypatch.setattr(QuotaForm, "full_clean", clean_while_another_reserves)
    operator.post(f"{QUOTAS}{row.pk}/change/", {"limit_bytes": "5 GB"})

    now = quota.usage(alice)
    assert (now.limit_bytes, now.reserved_bytes, now.reserved_files) == (
        5 * GB,
        100,
        1,
    )


def test_quota_can_be_added_for_a_user(operator: Client, alice: Any) -> None:
    answer = operator.post(
        f"{QUOTAS}add/", {"user": alice.pk, "limit_bytes": "20 GB", "max_files": ""}
    )

    assert answer.status_code == 302
    assert quota.usage(alice).limit_bytes == 20 * GB


def test_quota_cannot_be_deleted(operator: Client, alice: Any) -> None:
    row = StorageQuota.objects.create(user=alice, used_bytes=7)

    answer = operator.post(f"{QUOTAS}{row.pk}/delete/", {"post": "yes"})

    assert answer.status_code == 403
    assert StorageQuota.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize(
    ("text", "byte_size"),
    [
        ("0", 0),
        ("1048576", 1048576),
        ("20 GB", 20 * GB),
        ("20gib", 20 * 1024**3),
        ("1.5 TB", 1_500_000_000_000),
        ("5 bytes", 5),
        ("2G", 2 * GB),
    ],
)
def test_typed_sizes_are_parsed(text: str, byte_size: int) -> None:
    assert parse(text) == byte_size


@pytest.mark.parametrize("text", ["", "-1", "20 gallons", "1,5 GB", "GB", "1e9", "٣"])
def test_invalid_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a size"):
        parse(text)


@pytest.mark.parametrize("text", ["9300 PB", "many", "1" * 30])
def test_invalid_limit_is_explained(operator: Client, alice: Any, text: str) -> None:
    page = operator.post(f"{QUOTAS}add/", {"user": alice.pk, "limit_bytes": text})

    assert page.status_code == 200
    assert len(page.context["adminform"].form.errors["limit_bytes"]) == 1
    assert not StorageQuota.objects.exists()


# Policies


def test_policy_accepts_one_content_type_per_line(operator: Client, alice: Any) -> None:
    answer = operator.post(
        f"{POLICIES}add/",
        {
            "user": alice.pk,
            "max_file_size": "5 GB",
            "allowed_content_types": "image/*\r\nApplication/PDF, image/*",
        },
    )

    assert answer.status_code == 302
    row = UploadPolicy.objects.get()
    assert row.allowed_content_types == ["image/*", "application/pdf"]
    assert row.max_file_size == 5 * GB


@pytest.mark.parametrize(
    ("data", "field", "words"),
    [
        (
            {"user": True, "allowed_content_types": "imge"},
            "allowed_content_types",
            (
                "imge is not a content type. "
                "Write one per line, such as image/* or application/pdf."
            ),
        ),
        (
            {"user": True, "allowed_content_types": "*/pdf"},
            "allowed_content_types",
            (
                "*/pdf is not a content type. "
                "Write one per line, such as image/* or application/pdf."
            ),
        ),
        ({}, "user", "Choose either a user or a group."),
    ],
)
def test_invalid_policy_is_explained(
    operator: Client, alice: Any, data: dict[str, Any], field: str, words: str
) -> None:
    if "user" in data:
        data = {**data, "user": alice.pk}

    page = operator.post(f"{POLICIES}add/", data)

    assert page.context["adminform"].form.errors == {field: [words]}
    assert not UploadPolicy.objects.exists()


# Tokens


def test_token_is_shown_once_and_its_digest_never(
    operator: Client, admin_user: Any, alice: Any
) -> None:
    page = operator.post(
        f"{TOKENS}add/",
        {
            "user": alice.pk,
            "name": "backup",
            "scope": "read",
            "expires_at_0": "",
            "expires_at_1": "",
        },
    )

    secret = re.findall(r"slipway_[\w-]{43}", page.content.decode())
    row = ApiToken.objects.get()
    assert len(secret) == 1
    assert use_token(secret[0]) == row
    assert (row.user, row.scope) == (alice, "read")
    event = AuditEvent.objects.get(kind="token.created")
    assert (event.user, event.actor) == (alice, admin_user)
    assert "no-store" in page["Cache-Control"]
    later = (
        operator.get(TOKENS).content + operator.get(f"{TOKENS}{row.pk}/change/").content
    )
    assert secret[0].encode() not in later
    assert row.digest.encode() not in page.content + later


def test_token_form_sent_twice_creates_one_token(operator: Client, alice: Any) -> None:
    blank = operator.get(f"{TOKENS}add/").content.decode()
    [once] = re.findall(r'name="idempotency_key" value="(\w+)"', blank)
    fields = {
        "user": alice.pk,
        "name": "backup",
        "scope": "write",
        "idempotency_key": once,
    }

    pages = [operator.post(f"{TOKENS}add/", fields).content.decode() for _ in range(2)]

    row = ApiToken.objects.get()
    assert [bool(re.search(r"slipway_[\w-]{43}", page)) for page in pages] == [
        True,
        False,
    ]
    assert "it created the token “backup” of alice" in pages[1]
    kinds = AuditEvent.objects.filter(kind__in=["token.created", "admin.added"])
    assert sorted(kinds.values_list("kind", flat=True)) == [
        "admin.added",
        "token.created",
    ]
    assert row.user == alice


def test_only_a_superuser_creates_tokens_for_others(
    django_user_model: Any, alice: Any
) -> None:
    client = staff(django_user_model, "add_apitoken", "view_apitoken")

    client.post(f"{TOKENS}add/", {"user": alice.pk, "name": "mine", "scope": "write"})

    assert ApiToken.objects.get().user.get_username() == "sam"


def test_revoked_token_is_kept(operator: Client, admin_user: Any, alice: Any) -> None:
    row, secret = create_token(alice, name="backup")

    page = operator.post(
        TOKENS,
        {"action": "revoke_chosen", "_selected_action": [row.pk]},
        follow=True,
    )

    assert "1 token was revoked." in page.content.decode()
    assert use_token(secret) is None
    event = AuditEvent.objects.get(kind="token.revoked")
    assert (event.user, event.actor) == (alice, admin_user)
    assert (
        operator.post(f"{TOKENS}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    )
    assert ApiToken.objects.get().revoked_at is not None


def test_viewer_cannot_revoke_tokens(django_user_model: Any, alice: Any) -> None:
    row, secret = create_token(alice, name="backup")
    client = staff(django_user_model, "view_apitoken", "change_apitoken")

    client.post(TOKENS, {"action": "revoke_chosen", "_selected_action": [row.pk]})

    assert use_token(secret) == row
