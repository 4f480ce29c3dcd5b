"""Rates: how often somebody may do something. Spending is one UPDATE that counts.

The generic cell rate algorithm keeps one moment for each action and subject: when
all that was spent will have been earned again. It moves on by a share of the
period with each thing spent, and may never be a whole period ahead. No window
begins or ends, so nobody gets twice the limit across an edge.

The database lets racers through one at a time, so the limit is exact for any
number of processes; clocks of machines that differ by a second change it by a
second's worth. A database that does not answer admits nobody.
"""

from __future__ import annotations

import ipaddress
import time
from dataclasses import dataclass
from typing import Any, Literal

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Greatest
from django.utils.crypto import salted_hmac

from uploads.conf import RateLimit, options
from uploads.errors import InvalidRequest, RateLimited
from uploads.models import Rate

Action = Literal[
    "start", "presign", "complete", "change", "download", "login", "session", "reset"
]

NANOSECONDS = 10**9
IPV6_PREFIX = 64
"""One customer has a whole /64, and could use a new address for each request."""


@dataclass(frozen=True)
class Subject:
    """Whose allowance is spent; ``per`` says which of an action's two limits holds."""

    name: str
    per: Literal["user", "address"]


def payers(user: Any, address: str) -> list[Subject]:
    """Return who pays for what ``user`` does from ``address``: both of them."""
    return [Subject(str(user.pk), "user"), *_network(address)]


def visitors(address: str) -> list[Subject]:
    """Return who pays for what a stranger does from ``address``: it alone."""
    return _network(address)


def session_payers(user: Any, address: str) -> list[Subject]:
    """Return who pays for a login of ``user`` that succeeds: they alone.

    Counted for each address by itself, as wrong passwords are.
    """
    return [Subject(f"{user.pk} {_counted(address)}", "user")]


def recipient(email: str) -> Subject:
    """Return the mailbox that a mail goes to, whatever capitals the address has."""
    return Subject(_digest("recipient", email.casefold()), "user")


def login_payers(name: str, address: str) -> list[Subject]:
    """Return who pays for a try to log in as ``name``, whether it exists or not.

    An account is counted for each address by itself, so that nobody can lock it
    for others. What people type is not kept: it may be a password.
    """
    digest = _digest("login", f"{name.casefold()}\n{_counted(address)}")
    # The address comes first: once it is used up, a new name makes no new row.
    return [*_network(address), Subject(digest, "user")]


def spend(action: Action, *subjects: Subject, cost: int = 1, paid: int = 0) -> None:
    """Spend ``cost`` of each subject's allowance, or none of anybody's.

    ``paid`` of it were spent before, by ``prepay``. Raises RateLimited with the whole
    seconds after which the rest fits, or InvalidRequest for a cost above the limit.
    Call this function before anything is reserved or asked of S3, and outside of a
    transaction, because the next request would wait for its end.
    """
    for subject in subjects:
        limit = _limit(action, subject)
        if limit is not None and cost > limit.count:
            raise InvalidRequest(
                f"This asks for {cost} at once, and the limit is {limit}: ask for less."
            )
    rest = cost - paid
    spent: list[Subject] = []
    for subject in subjects if rest > 0 else ():
        try:
            _spend_one(action, subject, rest)
        except RateLimited:
            give_back(action, *spent, cost=rest)
            raise
        spent.append(subject)


def prepay(action: Action, *subjects: Subject, cost: int) -> int:
    """Spend ``cost``, or the whole limit where that is less; return what was spent.

    For a request of which only the size is known. Raises RateLimited.
    """
    limits = (_limit(action, subject) for subject in subjects)
    price = min([cost, *(limit.count for limit in limits if limit is not None)])
    spend(action, *subjects, cost=price)
    return price


def give_back(action: Action, *subjects: Subject, cost: int = 1) -> None:
    """Undo one ``spend``, as if it had not been."""
    for subject in subjects:
        limit = _limit(action, subject)
        if limit is not None:
            Rate.objects.filter(pk=_key(action, subject)).update(
                tat=F("tat") - cost * _interval(limit)
            )


def forget_rested(*, limit: int) -> int:
    """Remove up to ``limit`` rows that say nothing any more; return how many."""
    now = time.time_ns()
    rested = list(Rate.objects.filter(tat__lt=now).values_list("pk", flat=True)[:limit])
    # One that was spent from in the meantime stays.
    return Rate.objects.filter(pk__in=rested, tat__lt=now).delete()[0]


def _spend_one(action: Action, subject: Subject, cost: int) -> None:
    limit = _limit(action, subject)
    if limit is None:
        return
    key = _key(action, subject)
    if _advance(key, limit, cost):
        return
    with transaction.atomic():
        tat = _locked(key)
        # Once more, by a clock that is read in turn: those who were let through
        # first may have come later, and then there is room although it seemed full.
        if _advance(key, limit, cost):
            return
        wait = max(1, -((_latest(limit, cost) - tat) // NANOSECONDS))  # rounded up
    raise RateLimited(
        f"That was too often: the limit is {limit}. Try again in {in_words(wait)}.",
        retry_after=wait,
    )


def _advance(key: str, limit: RateLimit, cost: int) -> bool:
    """Spend if it fits, and return whether it did."""
    return bool(
        Rate.objects.filter(pk=key, tat__lte=_latest(limit, cost)).update(
            tat=Greatest(F("tat"), Value(time.time_ns())) + cost * _interval(limit)
        )
    )


def _latest(limit: RateLimit, cost: int) -> int:
    """Return how far ahead ``tat`` may be now for ``cost`` to fit."""
    return time.time_ns() + (limit.count - cost) * _interval(limit)


def _locked(key: str) -> int:
    """Lock the row and return its ``tat``; make the first of its kind."""
    rows = Rate.objects.select_for_update().filter(pk=key)
    while (tat := rows.values_list("tat", flat=True).first()) is None:
        # Nobody removes a row of a transaction under way, so this happens twice at
        # most: when the sweeper comes between somebody else's row and its lock.
        Rate.objects.bulk_create([Rate(key=key)], ignore_conflicts=True)
    return tat


def in_words(seconds: int) -> str:
    """Return a waiting time as a person would say it, never too short."""
    for unit, length in (("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length:
            return f"{-(-seconds // length)} {unit}s"
    return f"{seconds} seconds" if seconds != 1 else "1 second"


def _limit(action: Action, subject: Subject) -> RateLimit | None:
    suffix = "_per_address" if subject.per == "address" else ""
    limit: RateLimit | None = getattr(options(), f"rate_{action}{suffix}")
    return limit


def _interval(limit: RateLimit) -> int:
    """Return the nanoseconds in which one is earned, rounded up."""
    return -(-limit.seconds * NANOSECONDS // limit.count)


def _key(action: Action, subject: Subject) -> str:
    return f"{action}:{subject.per}:{subject.name}"


def _digest(purpose: str, text: str) -> str:
    return salted_hmac(
        f"uploads.access.rates.{purpose}", text, algorithm="sha256"
    ).hexdigest()


def _network(address: str) -> list[Subject]:
    counted = _counted(address)
    # Who comes over a Unix socket without a proxy's word has no address: all
    # visitors would share one allowance, and any of them could use it up.
    return [Subject(counted, "address")] if counted else []


def _counted(address: str) -> str:
    """Return what an address is counted as: IPv6 by its /64."""
    if ":" not in address:
        return address
    network = ipaddress.ip_network(f"{address}/{IPV6_PREFIX}", strict=False)
    return str(network)
