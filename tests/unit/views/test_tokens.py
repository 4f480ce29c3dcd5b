"""The page of one's own API tokens."""

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
    """A browser in which alice is logged in."""
    client.force_login(alice)
    return client


def make(page: Client, **changes: str) -> Any:
    return page.post(PAGE, {"name": "backup", "scope": "read", "days": "90", **changes})


def text_of(answer: Any) -> str:
    return html.unescape(answer.content.decode())


def test_strangers_are_sent_to_the_login(client: Client) -> None:
    for path in (PAGE, f"{PAGE}1/revoke/", f"{PAGE}revoke/"):
        for answer in (client.get(path), client.post(path)):
            assert answer["Location"] == f"/accounts/login/?next={path}"


def test_the_account_menu_leads_there(page: Client) -> None:
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
def test_a_token_is_made_as_it_was_asked_for(
    page: Client, alice: Any, scope: str, days: str, lifetime: timedelta | None
) -> None:
    page.force_login(alice)  # at noon, or the session is years too old

    answer = make(page, scope=scope, days=days)

    [secret] = set(SECRET.findall(text_of(answer)))
    row = use_token(secret)
    assert row is not None
    assert (row.user, row.name, row.scope) == (alice, "backup", scope)
    assert row.expires_at == (NOON + lifetime if lifetime else None)


def test_the_secret_is_shown_once_and_kept_nowhere(page: Client) -> None:
    answer = make(page)
    [secret] = set(SECRET.findall(text_of(answer)))

    assert "no-store" in answer["Cache-Control"]
    assert not SECRET.search(text_of(page.get(PAGE)))
    assert all(secret not in morsel.value for morsel in page.cookies.values())
    assert secret not in str(dict(page.session.items()))
    assert not ApiToken.objects.filter(digest__contains=secret).exists()
    assert secret not in str(AuditEvent.objects.values())


def once_of(answer: Any) -> str:
    """Return the mark of the form that makes a token, the last one on the page."""
    return str(re.findall(r'name="idempotency_key" value="(\w+)"', text_of(answer))[-1])


def test_a_reload_of_the_answer_makes_no_other_token_and_says_so(page: Client) -> None:
    once = once_of(page.get(PAGE))
    first = make(page, idempotency_key=once)
    [secret] = set(SECRET.findall(text_of(first)))

    again = make(page, idempotency_key=once)

    assert "it created the token “backup”" in text_of(again)
    assert not SECRET.search(text_of(again))
    assert use_token(secret) == ApiToken.objects.get()
    assert AuditEvent.objects.filter(kind="token.created").count() == 1
    # The form in either answer is a new one.
    fresh = {once_of(first), once_of(again)}
    assert len(fresh | {once}) == 3
    for other in fresh:
        assert SECRET.search(text_of(make(page, idempotency_key=other)))


def button_of(answer: Any) -> tuple[str, str]:
    """Return where the button leads that makes a token again, and its form's mark."""
    [(path, once)] = re.findall(
        r'action="([^"]+/replace/)">.*?name="idempotency_key" value="(\w+)"',
        text_of(answer),
        re.DOTALL,
    )
    return path, once


@time_machine.travel(NOON, tick=False)
def test_a_secret_that_a_double_click_hides_is_made_again(
    page: Client, alice: Any
) -> None:
    page.force_login(alice)  # at noon, or the session is years too old
    once = once_of(page.get(PAGE))
    [lost] = set(
        SECRET.findall(text_of(make(page, idempotency_key=once, scope="write")))
    )
    path, once = button_of(make(page, idempotency_key=once, scope="write"))

    answers = [page.post(path, {"idempotency_key": once}) for _ in range(2)]

    [secret] = set(SECRET.findall(text_of(answers[0])))
    assert use_token(lost) is None
    row = use_token(secret)
    assert row is not None
    assert (row.name, row.scope) == ("backup", Scope.WRITE)
    assert row.expires_at == NOON + timedelta(days=90)
    # Two clicks on that button are one too, and have the same way out.
    assert ApiToken.objects.count() == 2
    assert not SECRET.search(text_of(answers[1]))
    assert button_of(answers[1])[0] == f"{PAGE}{row.pk}/replace/"
    kinds = list(AuditEvent.objects.filter(kind__startswith="token.").order_by("id"))
    assert [event.kind for event in kinds] == [
        "token.created",
        "token.revoked",
        "token.created",
    ]


def test_only_a_live_token_of_ones_own_is_made_again(
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

    # Its page is asked for again, or after a login: that makes nothing.
    assert page.get(f"{PAGE}{live.pk}/replace/").headers["Location"] == PAGE
    live.refresh_from_db()
    assert live.is_live
    assert use_token(secret) == foreign
    assert ApiToken.objects.count() == 4


def test_a_mark_is_its_owners_own(page: Client, django_user_model: Any) -> None:
    once = once_of(page.get(PAGE))
    make(page, idempotency_key=once)
    page.force_login(django_user_model.objects.create_user("bob"))

    assert SECRET.search(text_of(make(page, idempotency_key=once)))
    assert ApiToken.objects.count() == 2


def test_a_token_that_was_revoked_meanwhile_is_not_made_again(page: Client) -> None:
    once = once_of(page.get(PAGE))
    make(page, idempotency_key=once)
    revoke(ApiToken.objects.get())

    assert not SECRET.search(text_of(make(page, idempotency_key=once)))
    assert ApiToken.objects.count() == 1


def test_making_and_revoking_are_written_down(page: Client, alice: Any) -> None:
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
def test_nonsense_is_told_beside_the_field(
    page: Client, field: str, value: str
) -> None:
    answer = make(page, **{field: value})

    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == [field]
    assert not ApiToken.objects.exists()


def test_the_list_says_what_each_may_and_when_it_was_used(
    page: Client, alice: Any
) -> None:
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


def test_revoking_asks_first_and_a_get_changes_nothing(
    page: Client, alice: Any
) -> None:
    row, secret = create_token(alice, name="backup")
    path = f"{PAGE}{row.pk}/revoke/"

    asked = page.get(path)
    assert "Revoke this token?" in text_of(asked)
    assert "backup" in text_of(asked)
    assert use_token(secret) == row

    answer = page.post(path, follow=True)
    assert "backup is revoked." in text_of(answer)
    assert use_token(secret) is None
    assert page.post(path, follow=True).status_code == 200
    assert AuditEvent.objects.filter(kind="token.revoked").count() == 1


def test_all_can_be_revoked_at_once(page: Client, alice: Any) -> None:
    secrets = [create_token(alice, name=f"token-{n}")[1] for n in range(3)]

    asked = page.get(f"{PAGE}revoke/")
    assert "Revoke these 3 tokens?" in text_of(asked)
    assert all(use_token(secret) for secret in secrets)
    page.post(f"{PAGE}revoke/")

    assert [use_token(secret) for secret in secrets] == [None] * 3
    assert "You have no token to revoke" in text_of(page.get(f"{PAGE}revoke/"))


def test_somebody_elses_token_is_as_unknown_as_a_missing_one(
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


def test_nobody_has_more_tokens_than_can_be_looked_through(
    page: Client, alice: Any
) -> None:
    for number in range(MAX_LIVE):
        create_token(alice, name=str(number))

    refused = make(page)
    revoke(ApiToken.objects.order_by("pk")[0])
    made = make(page)

    assert "Revoke one first" in text_of(refused)
    assert not SECRET.search(text_of(refused))
    assert SECRET.search(text_of(made))


def test_only_the_last_few_that_ended_are_listed(page: Client, alice: Any) -> None:
    for number in range(MAX_ENDED + 5):
        revoke(create_token(alice, name=f"ended-{number}")[0])

    assert len(page.get(PAGE).context["ended"]) == MAX_ENDED


def test_a_loop_is_stopped_with_a_page(page: Client, settings: Settings) -> None:
    settings.UPLOADS = {"RATE_CHANGE": "3/hour"}

    with time_machine.travel(datetime.now(UTC), tick=False):
        answers = [make(page) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert "Too many requests" in text_of(answers[-1])
    assert answers[-1]["Retry-After"] == "1200"
    assert ApiToken.objects.count() == 3


def test_a_form_of_another_site_makes_no_token(alice: Any) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)

    assert make(browser).status_code == 403
    assert not ApiToken.objects.exists()


def test_what_a_token_may_do_has_the_same_words_in_the_form_and_in_the_list(
    page: Client, alice: Any
) -> None:
    for scope in Scope:
        create_token(alice, name=f"for {scope}", scope=scope)

    text = text_of(page.get(PAGE))

    for words in ("Read only", "Read and write"):
        assert len(re.findall(rf">{words}<", text)) == 2
    assert not re.findall(r">(read|write)<", text)
