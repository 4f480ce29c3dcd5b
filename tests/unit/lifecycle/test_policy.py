"""Policy: the site's default, the groups' and the account's own."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group

from uploads.conf import ACTIVE_CONTENT_TYPES
from uploads.errors import ContentTypeNotAllowed, FileTooLarge
from uploads.lifecycle.policy import Policy, policy_for
from uploads.models import UploadPolicy


@pytest.fixture
def alice(db: None, django_user_model: Any) -> Any:
    return django_user_model.objects.create_user("alice")


def test_the_default_policy_is_the_sites(alice: Any, settings: Any) -> None:
    settings.UPLOADS = {"MAX_FILE_SIZE": 5, "ALLOWED_CONTENT_TYPES": ["image/*"]}

    assert policy_for(alice) == Policy(5, ("image/*",))


def test_the_accounts_own_policy_wins_over_its_groups(alice: Any) -> None:
    staff = Group.objects.create(name="staff")
    alice.groups.add(staff)
    UploadPolicy.objects.create(group=staff, max_file_size=100)
    UploadPolicy.objects.create(user=alice, max_file_size=7)

    assert policy_for(alice).max_file_size == 7


def test_of_several_groups_the_most_generous_counts(alice: Any) -> None:
    for name, size, types in (("a", 5, ["image/*"]), ("b", 9, ["text/plain"])):
        group = Group.objects.create(name=name)
        alice.groups.add(group)
        UploadPolicy.objects.create(
            group=group, max_file_size=size, allowed_content_types=types
        )

    assert policy_for(alice) == Policy(9, ("image/*", "text/plain"))


def test_an_empty_field_leaves_the_wider_rule_in_force(alice: Any) -> None:
    UploadPolicy.objects.create(user=alice, allowed_content_types=["image/*"])

    assert policy_for(alice).max_file_size == 10_000 * 5 * 1024**3


@pytest.mark.parametrize("content_type", [*sorted(ACTIVE_CONTENT_TYPES), "a/b+xml"])
def test_no_wildcard_admits_what_a_browser_may_run(content_type: str) -> None:
    family = content_type.partition("/")[0]

    assert not Policy(1, ("*/*", f"{family}/*")).allows(content_type)
    assert Policy(1, (content_type,)).allows(content_type)


def test_what_does_not_fit_is_named() -> None:
    policy = Policy(10, ("image/*",))

    with pytest.raises(FileTooLarge, match="11 bytes; at most 10"):
        policy.check(byte_size=11, content_type="image/png")
    with pytest.raises(ContentTypeNotAllowed, match="text/plain may not"):
        policy.check(byte_size=1, content_type="text/plain")
    policy.check(byte_size=10, content_type="image/png")
