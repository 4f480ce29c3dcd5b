"""The admin and the history of an upload show the audit trail."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.support.builders import begin, checksum, make_ready
from tests.support.queries import plan_of
from uploads import lifecycle
from uploads.admin.filters import KindFilter
from uploads.lifecycle import WantedPart
from uploads.models import AuditEvent
from uploads.s3.bucket import Bucket
from uploads.views.wording import tell

pytestmark = pytest.mark.django_db

EVENTS = "/admin/uploads/auditevent/"


@pytest.fixture
def operator(admin_client: Client) -> Client:
    return admin_client


def create_event(kind: str, *, minutes: int = 0, **facts: Any) -> AuditEvent:
    at = timezone.now() - timedelta(minutes=minutes)
    return AuditEvent.objects.create(kind=kind, at=at, **facts)


def found(client: Client, query: str) -> list[AuditEvent]:
    page = client.get(f"{EVENTS}?{query}")
    assert page.status_code == 200, page
    return list(page.context["cl"].result_list)


def test_event_list_links_actor_account_and_upload(
    operator: Client, admin_user: Any, alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)
    lifecycle.remove(upload, actor=admin_user)

    page = operator.get(f"{EVENTS}?kind=upload.cancelled").content.decode()

    assert f'<a href="{EVENTS}?actor={admin_user.pk}">admin</a>' in page
    assert f'<a href="{EVENTS}?account={alice.pk}">alice</a>' in page
    assert f"/admin/uploads/upload/{upload.pk}/change/" in page


def test_events_are_filtered_by_account_and_by_actor(
    operator: Client, admin_user: Any, alice: Any
) -> None:
    about = create_event("quota.changed", user=alice, actor=admin_user)
    by = create_event("notification.taken_in", actor=alice)
    created = AuditEvent.objects.get(kind="account.created", user=alice)

    assert found(operator, f"account={alice.pk}") == [about, created]
    assert found(operator, f"actor={alice.pk}") == [by]
    assert found(operator, f"account={alice.pk}&kind=quota.changed") == [about]
    assert found(operator, "q=alice") == [by, about, created]
    assert found(operator, "q=alic") == []
    assert found(operator, f"q=alice&actor={admin_user.pk}") == [about]


def test_filter_by_policy_lists_all_events_about_policies_newest_first(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        create_event(kind, minutes=age)
        for age, kind in enumerate(
            ("policy.created", "quota.changed", "policy.deleted", "policy.created")
        )
    ]

    policies = [rows[0], rows[2], rows[3]]
    assert found(operator, "kind=policy") == policies
    monkeypatch.setattr("uploads.admin.events.MAX_MATCHES", 2)
    assert found(operator, "kind=policy") == policies[:2]
    then = rows[2].at
    day = f"at__year={then.year}&at__month={then.month}"
    assert found(operator, f"kind=policy.deleted&{day}") == [rows[2]]


def test_choices_of_kinds_are_grouped_by_noun() -> None:
    groups = KindFilter.groups()

    assert list(groups)[:3] == ["upload", "account", "factor"]
    assert [kind for kinds in groups.values() for kind in kinds] == list(
        KindFilter.KINDS
    )


def test_account_and_actor_filters_use_an_index(operator: Client, alice: Any) -> None:
    create_event("quota.changed", user=alice, actor=alice)

    for query in (f"account={alice.pk}", f"actor={alice.pk}", "q=alice", "kind=policy"):
        with CaptureQueriesContext(connection) as queries:
            found(operator, query)
        reads = [
            q["sql"]
            for q in queries
            if q["sql"].startswith("SELECT") and "uploads_auditevent" in q["sql"]
        ]
        assert reads
        for sql in reads:
            plan = "; ".join(plan_of(sql))
            scan = "SCAN uploads_auditevent"
            assert scan not in plan.replace(f"{scan} USING", ""), (query, plan)


def test_account_page_links_to_its_events(operator: Client, alice: Any) -> None:
    page = operator.get(f"/admin/auth/user/{alice.pk}/change/").content.decode()

    assert f'href="{EVENTS}?account={alice.pk}"' in page
    assert f'href="{EVENTS}?actor={alice.pk}"' in page
    assert operator.get("/admin/auth/user/add/").status_code == 200


def test_staff_without_permission_see_no_link_to_the_trail(alice: Any) -> None:
    from django.contrib.auth.models import Permission

    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_user"))
    client = Client()
    client.force_login(clerk)

    page = client.get(f"/admin/auth/user/{alice.pk}/change/")

    assert page.status_code == 200
    assert EVENTS not in page.content.decode()


def test_events_of_presigned_urls_are_hidden_from_owners_and_operators(
    operator: Client, alice: Any, bucket: Bucket
) -> None:
    upload = make_ready(bucket, alice)
    for _ in range(60):
        create_event("upload.presigned", upload=upload, user=alice)

    texts = [line.text for line in tell(upload, reader=alice)]
    page = operator.get(f"/admin/uploads/upload/{upload.pk}/change/").content.decode()

    assert texts == [
        "Checked and stored",
        "File arrived, check started",
        "Upload started",
    ]
    assert "upload.presigned" not in page
    assert "upload.started" in page


def test_history_has_a_text_for_every_kind_of_event(alice: Any, bucket: Bucket) -> None:
    upload = make_ready(bucket, alice)
    for kind in KindFilter.groups()["upload"]:
        if kind != "upload.presigned":
            create_event(kind, upload=upload, detail={"cause": "size_differs"})

    for line in tell(upload, reader=alice):
        assert "_" not in line.text
        assert line.text[0].isupper()


def test_history_shows_no_line_for_presigned_parts(alice: Any, bucket: Bucket) -> None:
    upload = begin(alice, b"", byte_size=17 * 1024 * 1024)
    for number in (1, 2):
        lifecycle.presign_parts(upload, [WantedPart(number, checksum(b"x"))])

    assert [line.text for line in tell(upload, reader=alice)] == ["Upload started"]
