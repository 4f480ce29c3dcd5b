"""Filters for lists of the admin. No filter reads its choices from the listed table."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from uploads.states import State, Transport

REQUESTED = Q(
    state=State.REJECTED,
    release_requested_at__isnull=False,
    released_as__isnull=True,
) & ~Q(quarantine_key="")
"""Rejected uploads in quarantine that wait for an operator.

The owner has requested the release, and no operator has released the upload yet.
"""

MAX_DIGITS = 18
"""Maximum digits of an account's id. A longer id may overflow a database integer."""

MIB = 1024**2
GIB = 1024**3


class UnindexedFilter(SimpleListFilter):
    """A filter on a column without a database index.

    UploadChangeList applies ``condition`` to the newest rows only, because the database
    has to read each of these rows.
    """

    labelled_choices: tuple[tuple[str, str], ...] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return self.labelled_choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return ``queryset``. UploadChangeList applies ``condition`` later."""
        return queryset

    def condition(self) -> Q:
        """Return the condition for the chosen value. Unknown values match no row."""
        known = {value for value, _ in self.labelled_choices}
        value = self.value()
        return self.condition_for(value) if value in known else Q(pk__in=[])

    def condition_for(self, value: str) -> Q:
        raise NotImplementedError


class TypeFilter(UnindexedFilter):
    title = "type"
    parameter_name = "type"
    labelled_choices = (
        ("image", "Images"),
        ("video", "Video"),
        ("audio", "Audio"),
        ("text", "Text"),
        ("application", "Documents and programs"),
        ("font", "Fonts"),
    )

    def condition_for(self, value: str) -> Q:
        return Q(content_type__startswith=f"{value}/")


class TransportFilter(UnindexedFilter):
    title = "transport"
    parameter_name = "transport"
    labelled_choices = tuple((value.value, str(value.label)) for value in Transport)

    def condition_for(self, value: str) -> Q:
        return Q(transport=value)


class InspectionFilter(UnindexedFilter):
    title = "inspection"
    parameter_name = "inspection"
    labelled_choices = (
        ("waiting", "Waiting for an inspector"),
        ("quarantined", "In quarantine"),
        ("requested", "Release requested"),
        ("released", "Released"),
    )

    def condition_for(self, value: str) -> Q:
        if value == "quarantined":
            return ~Q(quarantine_key="")
        if value == "requested":
            return REQUESTED
        if value == "released":
            return Q(released_as__isnull=False)
        return Q(state=State.INSPECTING) & ~Q(waiting_reason="")


class SizeFilter(UnindexedFilter):
    title = "size"
    parameter_name = "size"
    labelled_choices = (
        ("empty", "Empty"),
        ("small", "Up to 16 MiB"),
        ("medium", "16 MiB to 1 GiB"),
        ("large", "Over 1 GiB"),
    )

    def condition_for(self, value: str) -> Q:
        return {
            "empty": Q(byte_size=0),
            "small": Q(byte_size__gt=0, byte_size__lte=16 * MIB),
            "medium": Q(byte_size__gt=16 * MIB, byte_size__lte=GIB),
            "large": Q(byte_size__gt=GIB),
        }[value]


class KindFilter(SimpleListFilter):
    """Filters audit events by their kind or by a noun.

    A kind consists of a noun, a dot and a verb, for example ``upload.started``.
    """

    title = "kind"
    parameter_name = "kind"

    KINDS = (
        "upload.started",
        "upload.presigned",
        *(f"upload.{state.value}" for state in State if state != State.PENDING),
        "upload.waiting",
        "upload.renamed",
        "upload.downloaded",
        "upload.previewed",
        "upload.reverified",
        "upload.release_requested",
        "upload.released",
        "upload.purged",
        "upload.retired",
        "upload.handed_over",
        "upload.reopened",
        "account.logged_in",
        "account.files_handed_over",
        "account.login_failed",
        "account.logged_out",
        "account.created",
        "account.changed",
        "account.password_set",
        "account.deleted",
        "account.erased",
        "factor.added",
        "factor.removed",
        "factor.reset",
        "factor.failed",
        "token.created",
        "token.revoked",
        "token.new_address",
        "quota.changed",
        "policy.created",
        "policy.changed",
        "policy.deleted",
        "group.changed",
        "admin.added",
        "admin.exported",
        "admin.changed",
        "admin.deleted",
        "notification.taken_in",
        "trail.pruned",
    )

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        """Return the choices of the menu: each noun, followed by the kinds of the noun.

        A noun with only one kind gets no choice of its own.
        """
        choices: list[tuple[str, str]] = []
        for noun, kinds in self.groups().items():
            if len(kinds) > 1:
                choices.append((noun, f"{noun.capitalize()}: all"))
            choices += [(kind, _kind_label(kind)) for kind in kinds]
        return choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter by the chosen kind. EventChangeList filters by a chosen noun later."""
        value = self.value()
        if value is None or self.kinds():
            return queryset
        return queryset.filter(kind=value)

    def kinds(self) -> list[str]:
        """Return the kinds of the chosen noun, or ``[]`` if a single kind is chosen."""
        return self.groups().get(self.value() or "", [])

    @classmethod
    def groups(cls) -> dict[str, list[str]]:
        """Return the list of kinds for each noun."""
        nouns = dict.fromkeys(kind.partition(".")[0] for kind in cls.KINDS)
        return {
            noun: [kind for kind in cls.KINDS if kind.startswith(f"{noun}.")]
            for noun in nouns
        }


class AccountFilter(SimpleListFilter):
    """Filters audit events by the account that they are about.

    The filter offers only the account that the URL names, because a menu of all
    accounts would be too long. If this account does not exist, the filter has no
    choice, and StrictChangeList shows no rows.
    """

    title = "account"
    parameter_name = "account"
    field = "user"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        account = self._account()
        return [] if account is None else [(str(account.pk), account.get_username())]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.field: self.value()})

    def _account(self) -> Any:
        value = self.value() or ""
        if not value.isdecimal() or len(value) > MAX_DIGITS:
            return None
        return get_user_model().objects.filter(pk=value).first()


class ActorFilter(AccountFilter):
    """Filters audit events by their actor, the account that caused the event."""

    title = "actor"
    parameter_name = "actor"
    field = "actor"


def _kind_label(kind: str) -> str:
    noun, _, happened = kind.partition(".")
    return f"{noun.capitalize()} {happened.replace('_', ' ')}"
