"""Test filters, search, dates and the number of queries of the admin's lists."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.support.admin_pages import (
    EVENTS,
    GB,
    LIST,
    POLICIES,
    QUOTAS,
    TOKENS,
    make_upload,
)
from uploads import lifecycle
from uploads.admin.filters import KindFilter
from uploads.admin.listing import ListAdmin
from uploads.admin.paginator import CappedPaginator
from uploads.models import (
    AuditEvent,
)
from uploads.states import State
from uploads.trail.writing import record
from uploads.views.wording import WORDS

pytestmark = pytest.mark.django_db


def names(response: Any) -> list[str]:
    return [upload.filename for upload in response.context["cl"].result_list]


def test_number_of_queries_of_a_list_is_constant(
    operator: Client, django_user_model: Any, django_assert_num_queries: Any
) -> None:
    owners = [django_user_model.objects.create_user(f"p{n}") for n in range(30)]
    uploads = [make_upload(owners[0])]
    operator.get(LIST)  # only the first request writes the session's address
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


def test_number_of_rows_above_the_limit_is_shown_as_more_than_the_limit(
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
    ("transport", "label", "has_parts"),
    [
        ("put", "One PUT", False),
        ("post", "POST form", False),
        ("form", "Form without JavaScript", False),
        ("multipart", "Multipart", True),
    ],
)
def test_admin_names_the_transport_and_shows_parts_only_of_multipart_uploads(
    operator: Client, alice: Any, transport: str, label: str, has_parts: bool
) -> None:
    upload = make_upload(alice, transport=transport)

    page = operator.get(f"{LIST}{upload.pk}/change/").content.decode()

    assert f">{label}<" in page
    assert ("1 of at most 5 bytes" in page) == has_parts
    assert ">None<" not in page


def test_page_of_an_event_of_the_site_names_no_person(
    operator: Client, alice: Any
) -> None:
    record("upload.expired", upload=make_upload(alice), actor=None)
    event = AuditEvent.objects.get(kind="upload.expired")

    page = operator.get(f"{EVENTS}{event.pk}/change/").content.decode()

    assert ">the site<" in page
    assert ">None<" not in page


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


def test_date_links_lead_from_year_to_month_to_day(
    operator: Client, alice: Any
) -> None:
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
