"""People create, see and revoke their API tokens on one page."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from uploads.access.tokens import create_token, revoke, use_token
from uploads.models import ApiToken, AuditEvent, Scope
from uploads.views.tokens import MAX_ENDED, MAX_LIVE

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

NOON = datetime(2031, 5, 5, 12, tzinfo=UTC)
PAGE = "/accounts/tokens/"
SECRET = re.compile(r"slipway_[\w-]{43}")


@pytest.fixture
def page(client: Client, alice: Any) -> Client:
    """Return a browser in which alice is logged in."""
    client.force_login(alice)
    return client


def make(page: Client, **changes: str) -> Any:
    return page.post(PAGE, {"name": "backup", "scope": "read", "days": "90", **changes})


def text_of(answer: Any) -> str:
    return html.unescape(answer.content.decode())


def test_page_of_tokens_redirects_to_the_login(client: Client) -> None:
    for path in (PAGE, f"{PAGE}1/revoke/", f"{PAGE}revoke/"):
        for answer in (client.get(path), client.post(path)):
            assert answer["Location"] == f"/accounts/login/?next={path}"


def test_account_menu_links_to_the_page_of_tokens(page: Client) -> None:
    assert reverse("tokens") == PAGE
    assert f'href="{PAGE}"' in text_of(page.get("/"))


@pytest.mark.parametrize(
    ("days", "lifetime"),
    [
        *((str(n), timedelta(days=n)) for n in (7, 30, 90, 365)),
        ("never", None),
    ],
)
@pytest.mark.parametrize("scope", ["read", "write"])
@time_machine.travel(NOON, tick=False)
def test_token_has_the_requested_scope_and_lifetime(
    page: Client, alice: Any, scope: str, days: str, lifetime: timedelta | None
) -> None:
    # The fixture has logged in years before the frozen time, so log in again.
    page.force_login(alice)

    answer = make(page, scope=scope, days=days)

    [secret] = set(SECRET.findall(text_of(answer)))
    row = use_token(secret)
    assert row is not None
    assert (row.user, row.name, row.scope) == (alice, "backup", scope)
    assert row.expires_at == (NOON + lifetime if lifetime else None)


def test_secret_is_shown_once_and_not_stored(page: Client) -> None:
    answer = make(page)
    [secret] = set(SECRET.findall(text_of(answer)))

    assert "no-store" in answer["Cache-Control"]
    assert not SECRET.search(text_of(page.get(PAGE)))
    assert all(secret not in morsel.value for morsel in page.cookies.values())
    assert secret not in str(dict(page.session.items()))
    assert not ApiToken.objects.filter(digest__contains=secret).exists()
    assert secret not in str(AuditEvent.objects.values())


def idempotency_key_of(answer: Any) -> str:
    """Return the idempotency key of the last form, which creates a token."""
    return str(re.findall(r'name="idempotency_key" value="(\w+)"', text_of(answer))[-1])


def test_repeated_form_creates_no_second_token_and_explains_this(page: Client) -> None:
    once = idempotency_key_of(page.get(PAGE))
    first = make(page, idempotency_key=once)
    [secret] = set(SECRET.findall(text_of(first)))

    again = make(page, idempotency_key=once)

    assert "created the token “backup”" in text_of(again)
    assert not SECRET.search(text_of(again))
    assert use_token(secret) == ApiToken.objects.get()
    assert AuditEvent.objects.filter(kind="token.created").count() == 1
    # The form in each answer has a new idempotency key.
    fresh = {idempotency_key_of(first), idempotency_key_of(again)}
    assert len(fresh | {once}) == 3
    for other in fresh:
        assert SECRET.search(text_of(make(page, idempotency_key=other)))


def replace_form_of(answer: Any) -> tuple[str, str]:
    """Return the URL and the idempotency key of the form that replaces a token."""
    [(path, once)] = re.findall(
        r'action="([^"]+/replace/)">.*?name="idempotency_key" value="(\w+)"',
        text_of(answer),
        re.DOTALL,
    )
    return path, once


@time_machine.travel(NOON, tick=False)
def test_token_whose_secret_was_hidden_by_a_double_click_can_be_replaced(
    page: Client, alice: Any
) -> None:
    # The fixture has logged in years before the frozen time, so log in again.
    page.force_login(alice)
    once = idempotency_key_of(page.get(PAGE))
    [hidden_secret] = set(
        SECRET.findall(text_of(make(page, idempotency_key=once, scope="write")))
    )
    path, once = replace_form_of(make(page, idempotency_key=once, scope="write"))

    answers = [page.post(path, {"idempotency_key": once}) for _ in range(2)]

    [secret] = set(SECRET.findall(text_of(answers[0])))
    assert use_token(hidden_secret) is None
    row = use_token(secret)
    assert row is not None
    assert (row.name, row.scope) == ("backup", Scope.WRITE)
    assert row.expires_at == NOON + timedelta(days=90)
    # A double click on this button also replaces the token only once. The second answer
    # again offers to replace the token.
    assert ApiToken.objects.count() == 2
    assert not SECRET.search(text_of(answers[1]))
    assert replace_form_of(answers[1])[0] == f"{PAGE}{row.pk}/replace/"
    kinds = list(AuditEvent.objects.filter(kind__startswith="token.").order_by("id"))
    assert [event.kind for event in kinds] == [
        "token.created",
        "token.revoked",
        "token.created",
    ]


def test_only_a_valid_own_token_can_be_replaced(
    page: Client, alice: Any, django_user_model: Any
) -> None:
    bob = django_user_model.objects.create_user("bob")
    foreign, secret = create_token(bob, name="secret project")
    ended, _ = create_token(alice, name="ended")
    revoke(ended)
    expired, _ = create_token(
        alice, name="expired", expires_at=datetime.now(UTC) - timedelta(days=1)
    )

    assert page.post(f"{PAGE}{foreign.pk}/replace/").status_code == 404
    for token in (ended, expired):
        answer = page.post(f"{PAGE}{token.pk}/replace/")
        assert not SECRET.search(text_of(answer))
        assert "no longer valid. Create a new token" in text_of(answer)
    live, _ = create_token(alice, name="live")
    for nonsense in ("x" * 65, "nul\x00"):
        page.post(f"{PAGE}{live.pk}/replace/", {"idempotency_key": nonsense})

    # A GET request, for example by a reload or after a login, does not replace the
    # token.
    assert page.get(f"{PAGE}{live.pk}/replace/").headers["Location"] == PAGE
    live.refresh_from_db()
    assert live.is_live
    assert use_token(secret) == foreign
    assert ApiToken.objects.count() == 4


def test_idempotency_key_of_a_token_form_is_valid_only_for_its_owner(
    page: Client, django_user_model: Any
) -> None:
    once = idempotency_key_of(page.get(PAGE))
    make(page, idempotency_key=once)
    page.force_login(django_user_model.objects.create_user("bob"))

    assert SECRET.search(text_of(make(page, idempotency_key=once)))
    assert ApiToken.objects.count() == 2


def test_repeated_form_of_a_revoked_token_creates_no_token(page: Client) -> None:
    once = idempotency_key_of(page.get(PAGE))
    make(page, idempotency_key=once)
    revoke(ApiToken.objects.get())

    assert not SECRET.search(text_of(make(page, idempotency_key=once)))
    assert ApiToken.objects.count() == 1


def test_creating_and_revoking_tokens_is_recorded(page: Client, alice: Any) -> None:
    make(page)
    page.post(f"{PAGE}{ApiToken.objects.get().pk}/revoke/")

    events = list(AuditEvent.objects.filter(kind__startswith="token.").order_by("id"))
    assert [event.kind for event in events] == ["token.created", "token.revoked"]
    for event in events:
        assert (event.user, event.actor) == (alice, alice)
        assert event.address == "127.0.0.1"
        assert event.request_id


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "   "),
        ("name", "x" * 101),
        ("name", "nul\x00"),
        ("scope", ""),
        ("scope", "admin"),
        ("days", ""),
        ("days", "1000"),
        ("days", "-1"),
    ],
)
def test_invalid_value_is_reported_at_its_field(
    page: Client, field: str, value: str
) -> None:
    answer = make(page, **{field: value})

    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == [field]
    assert not ApiToken.objects.exists()


def test_list_shows_scope_and_last_use_of_each_token(page: Client, alice: Any) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        _, secret = create_token(
            alice, name="backup <b>", expires_at=NOON + timedelta(days=1)
        )
        use_token(secret)
        create_token(alice, name="report", scope="read")
        old, _ = create_token(alice, name="old")
        revoke(old)
        page.force_login(alice)
        live = page.get(PAGE)
        clock.shift(timedelta(days=2))
        page.force_login(alice)
        later = page.get(PAGE)

    text = text_of(live)
    assert [t.name for t in live.context["live"]] == ["report", "backup <b>"]
    assert [t.name for t in live.context["ended"]] == ["old"]
    assert "<bdi>backup <b></bdi>" not in live.content.decode()
    for words in ("5 May 2031, 12:00 UTC", "Never used", "Never expires", "Last used"):
        assert words in text
    assert [t.name for t in later.context["live"]] == ["report"]
    assert {t.name for t in later.context["ended"]} == {"old", "backup <b>"}


def test_revoking_asks_first_and_requires_a_post(page: Client, alice: Any) -> None:
    row, secret = create_token(alice, name="backup")
    path = f"{PAGE}{row.pk}/revoke/"

    confirmation = page.get(path)
    assert "Revoke this token?" in text_of(confirmation)
    assert "backup" in text_of(confirmation)
    assert use_token(secret) == row

    answer = page.post(path, follow=True)
    assert "backup is revoked." in text_of(answer)
    assert use_token(secret) is None
    assert page.post(path, follow=True).status_code == 200
    assert AuditEvent.objects.filter(kind="token.revoked").count() == 1


def test_all_tokens_can_be_revoked_together(page: Client, alice: Any) -> None:
    secrets = [create_token(alice, name=f"token-{n}")[1] for n in range(3)]

    confirmation = page.get(f"{PAGE}revoke/")
    assert "Revoke these 3 tokens?" in text_of(confirmation)
    assert all(use_token(secret) for secret in secrets)
    page.post(f"{PAGE}revoke/")

    assert [use_token(secret) for secret in secrets] == [None] * 3
    assert "You have no token to revoke" in text_of(page.get(f"{PAGE}revoke/"))


def test_token_of_another_person_gets_the_answer_for_an_unknown_id(
    page: Client, django_user_model: Any
) -> None:
    bob = django_user_model.objects.create_user("bob")
    row, secret = create_token(bob, name="secret project")

    for token_id in (row.pk, row.pk + 1000):
        path = f"{PAGE}{token_id}/revoke/"
        assert page.get(path).status_code == page.post(path).status_code == 404
    page.post(f"{PAGE}revoke/")

    assert use_token(secret) == row
    assert "secret project" not in text_of(page.get(PAGE))


def test_number_of_valid_tokens_is_limited(page: Client, alice: Any) -> None:
    for number in range(MAX_LIVE):
        create_token(alice, name=str(number))

    refused = make(page)
    revoke(ApiToken.objects.order_by("pk")[0])
    made = make(page)

    assert "Revoke one first" in text_of(refused)
    assert not SECRET.search(text_of(refused))
    assert SECRET.search(text_of(made))


def test_only_the_newest_ended_tokens_are_listed(page: Client, alice: Any) -> None:
    for number in range(MAX_ENDED + 5):
        revoke(create_token(alice, name=f"ended-{number}")[0])

    assert len(page.get(PAGE).context["ended"]) == MAX_ENDED


def test_rate_limited_token_form_shows_a_page(page: Client, settings: Settings) -> None:
    settings.UPLOADS = {"RATE_CHANGE": "3/hour"}

    with time_machine.travel(datetime.now(UTC), tick=False):
        answers = [make(page) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert "Too many requests" in text_of(answers[-1])
    assert answers[-1]["Retry-After"] == "1200"
    assert ApiToken.objects.count() == 3


def test_form_of_another_site_creates_no_token(alice: Any) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)

    assert make(browser).status_code == 403
    assert not ApiToken.objects.exists()


def test_form_and_list_have_the_same_texts_for_scopes(page: Client, alice: Any) -> None:
    for scope in Scope:
        create_token(alice, name=f"for {scope}", scope=scope)

    text = text_of(page.get(PAGE))

    for words in ("Read only", "Read and write"):
        assert len(re.findall(rf">{words}<", text)) == 2
    assert not re.findall(r">(read|write)<", text)
