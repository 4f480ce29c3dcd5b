"""If the admin cannot apply the filter of a list, it shows no rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.support.builders import begin
from uploads.admin.listing import UNREADABLE
from uploads.models import AuditEvent
from uploads.s3.bucket import Bucket

pytestmark = pytest.mark.django_db

EVENTS = "/admin/uploads/auditevent/"
UPLOADS = "/admin/uploads/upload/"
TOKENS = "/admin/uploads/apitoken/"
ACCOUNTS = "/admin/auth/user/"
FACTORS = "/admin/mfa/authenticator/"

UNKNOWN = ("", "nonsense", "999", "-1", "9" * 40, "0", "1e1", "' OR 1=1")
"""Values that no filter offers."""


@pytest.fixture
def alice(bucket: Bucket) -> User:
    """Return an account with an upload, audit events and a second factor."""
    alice = User.objects.create_user("alice")
    begin(alice)
    Authenticator.objects.create(user=alice, type="totp", data={})
    return alice


def rows(client: Client, address: str) -> list[Any]:
    page = client.get(address)
    assert page.status_code == 200, (address, page.status_code)
    return list(page.context["cl"].result_list)


def own_filters() -> Iterator[tuple[str, str]]:
    """Yield the address and the parameter of every filter in every list."""
    for model, model_admin in admin.site._registry.items():
        place = reverse(
            f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
        )
        for entry in model_admin.list_filter:
            if isinstance(entry, str):
                relation = model._meta.get_field(entry).is_relation
                yield place, f"{entry}__id__exact" if relation else f"{entry}__exact"
            else:
                assert isinstance(entry, type)
                assert issubclass(entry, SimpleListFilter)
                yield place, str(entry.parameter_name)


def test_collected_filters_include_those_of_all_lists() -> None:
    found = set(own_filters())

    assert {(EVENTS, "account"), (EVENTS, "actor"), (EVENTS, "kind")} <= found
    assert {(UPLOADS, "state__exact"), (UPLOADS, "size")} <= found
    assert {(FACTORS, "type__exact"), (ACCOUNTS, "groups__id__exact")} <= found
    assert len(found) >= 13


@pytest.mark.parametrize("value", UNKNOWN)
def test_filter_with_an_unknown_value_lists_no_rows(
    operator: Client, alice: User, value: str
) -> None:
    for place, name in own_filters():
        assert rows(operator, place), place
        if name.startswith("is_") and value in {"0", ""}:
            continue  # this filter has only the values yes and no
        found = operator.get(place, {name: value})
        assert found.status_code == 200, (place, name, found.status_code)
        assert list(found.context["cl"].result_list) == [], (place, name)


@pytest.mark.parametrize(
    "address",
    [
        f"{EVENTS}?account=999",
        f"{EVENTS}?actor=x&kind=upload.started",
        f"{ACCOUNTS}?groups__id__exact=999",
        f"{ACCOUNTS}?is_staff__exact=perhaps",
        f"{UPLOADS}?owner__id__exact=x",
        f"{UPLOADS}?id__exact=x",
        f"{UPLOADS}?created_at__gte=x",
        *(
            f"{UPLOADS}?created_at__year={year}"
            for year in ("x", "0", "9999", "10000", "2026&created_at__month=13")
        ),
        f"{EVENTS}?at__year=9999&at__month=12",
        f"{EVENTS}?pk__in={10**30}",
        f"{TOKENS}?created_at__year=99999",
    ],
)
def test_list_names_the_reason_when_a_filter_cannot_be_applied(
    operator: Client, alice: User, address: str
) -> None:
    page = operator.get(address)

    assert page.status_code == 200
    assert list(page.context["cl"].result_list) == []
    assert UNREADABLE in page.content.decode()


@pytest.mark.parametrize(
    "query", ["state__regex=(", "state__iregex=(a%2B)%2B$", "pk__range=1"]
)
def test_lookup_that_no_list_needs_is_refused(
    operator: Client, alice: User, query: str
) -> None:
    assert operator.get(f"{UPLOADS}?{query}").status_code == 400
    assert operator.get(f"{UPLOADS}export/?{query}").status_code == 400


def test_export_with_an_unknown_account_exports_no_rows(
    operator: Client, alice: User
) -> None:
    answer = operator.get(f"{EVENTS}export/?account=999", follow=True)

    assert answer.redirect_chain == [(f"{EVENTS}?account=999", 302)]
    assert UNREADABLE in answer.content.decode()
    assert not AuditEvent.objects.filter(kind="admin.exported").exists()


def test_filter_with_a_known_value_lists_the_matching_rows(
    operator: Client, alice: User
) -> None:
    team = Group.objects.create(name="team")
    Group.objects.create(name="other")
    alice.groups.add(team)
    year = timezone.localdate().year

    for address in (
        f"{EVENTS}?account={alice.pk}",
        f"{EVENTS}?at__year={year}",
        f"{UPLOADS}?owner__id__exact={alice.pk}",
        f"{UPLOADS}?size=small&type=text&transport=put",
        f"{FACTORS}?type__exact=totp",
        f"{ACCOUNTS}?groups__id__exact={team.pk}",
    ):
        assert rows(operator, address), address


@pytest.mark.parametrize("page", ["x", "-1", "0", "99999"])
def test_list_with_an_invalid_page_number_keeps_the_filter(
    operator: Client, alice: User, page: str
) -> None:
    bob = User.objects.create_user("bob")

    found = rows(operator, f"{EVENTS}?account={bob.pk}&p={page}")

    assert [event.user for event in found] == [bob]
