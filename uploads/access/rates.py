"""Rate limits, kept in the database. One conditional UPDATE spends and checks.

The algorithm is the generic cell rate algorithm (GCRA). It stores one timestamp for
each action and subject, the theoretical arrival time (``tat``): the time at which the
full allowance is available again. Each unit spent moves ``tat`` by ``seconds / count``
of the limit. ``tat`` may be at most ``seconds`` in the future. GCRA has no fixed
windows, so nobody can spend twice the limit around the end of a window.

The database serialises concurrent updates, so the limit is exact for any number of
processes. If the clocks of two machines differ by a second, the limit is wrong by what
can be spent in a second. While the database is away, every request is refused.
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
    "start",
    "presign",
    "complete",
    "change",
    "download",
    "report",
    "login",
    "session",
    "reset",
]

NANOSECONDS = 10**9
IPV6_PREFIX = 64
"""A customer owns a whole /64, and could use a new address for each request."""


@dataclass(frozen=True)
class Subject:
    """The user or address whose allowance is spent; ``per`` chooses the limit."""

    name: str
    per: Literal["user", "address"]


def payers(user: Any, address: str) -> list[Subject]:
    """Return the subjects of a request of ``user`` from ``address``: both of them."""
    return [Subject(str(user.pk), "user"), *_network(address)]


def visitors(address: str) -> list[Subject]:
    """Return the subjects of an anonymous request from ``address``: the address."""
    return _network(address)


def session_payers(user: Any, address: str) -> list[Subject]:
    """Return the subjects of a successful login of ``user``: only the user.

    Each pair of user and address has an allowance of its own, as for wrong passwords.
    """
    return [Subject(f"{user.pk} {_counted(address)}", "user")]


def recipient(email: str) -> Subject:
    """Return the subject for mails to ``email``; upper and lower case are the same."""
    return Subject(_digest("recipient", email.casefold()), "user")


def login_payers(name: str, address: str) -> list[Subject]:
    """Return the subjects of an attempt to log in as ``name``, existing or not.

    Each pair of name and address has an allowance of its own, so that nobody can lock an
    account for its owner. The name is stored as a digest only, because people sometimes
    type their password into this field.
    """
    digest = _digest("login", f"{name.casefold()}\n{_counted(address)}")
    # The address comes first: after its limit is reached, new names add no rows.
    return [*_network(address), Subject(digest, "user")]


def spend(action: Action, *subjects: Subject, cost: int = 1, paid: int = 0) -> None:
    """Spend ``cost`` of the allowance of every subject, or of none of them.

    ``paid`` is the share of ``cost`` that ``prepay`` has already spent. Raises
    RateLimited with the whole seconds after which the rest fits, or InvalidRequest if
    the cost is above the limit. Call this function before quota is reserved and before
    S3 is called. Call it outside of a transaction, because it locks rows.
    """
    for subject in subjects:
        limit = _limit(action, subject)
        if limit is not None and cost > limit.count:
            raise InvalidRequest(
                f"This request asks for {cost} at once; the limit is {limit}. Ask for"
                " fewer."
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
    """Spend ``cost``, but at most the whole limit; return the amount spent.

    Used before a request is parsed, when only its size is known. Raises RateLimited.
    """
    limits = (_limit(action, subject) for subject in subjects)
    price = min([cost, *(limit.count for limit in limits if limit is not None)])
    spend(action, *subjects, cost=price)
    return price


def give_back(action: Action, *subjects: Subject, cost: int = 1) -> None:
    """Undo one ``spend``."""
    for subject in subjects:
        limit = _limit(action, subject)
        if limit is not None:
            Rate.objects.filter(pk=_key(action, subject)).update(
                tat=F("tat") - cost * _interval(limit)
            )


def forget_rested(*, limit: int) -> int:
    """Delete up to ``limit`` rows whose allowance is full; return how many."""
    now = time.time_ns()
    rested = list(Rate.objects.filter(tat__lt=now).values_list("pk", flat=True)[:limit])
    # The condition is repeated: rows that were spent from in the meantime stay.
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
        # Retry under the lock with the current time. Another request may have moved
        # ``tat`` first although its time was later, and then this request fits.
        if _advance(key, limit, cost):
            return
        wait = max(1, -((_latest(limit, cost) - tat) // NANOSECONDS))  # rounded up
    raise RateLimited(
        f"Too many requests; the limit is {limit}. Try again in {duration(wait)}.",
        retry_after=wait,
    )


def _advance(key: str, limit: RateLimit, cost: int) -> bool:
    """Spend if the allowance suffices; return whether it did."""
    return bool(
        Rate.objects.filter(pk=key, tat__lte=_latest(limit, cost)).update(
            tat=Greatest(F("tat"), Value(time.time_ns())) + cost * _interval(limit)
        )
    )


def _latest(limit: RateLimit, cost: int) -> int:
    """Return the latest ``tat`` at which ``cost`` still fits."""
    return time.time_ns() + (limit.count - cost) * _interval(limit)


def _locked(key: str) -> int:
    """Lock the row and return its ``tat``; create the row if it is missing."""
    rows = Rate.objects.select_for_update().filter(pk=key)
    while (tat := rows.values_list("tat", flat=True).first()) is None:
        # The loop runs at most twice: the second time if the sweeper deletes the row
        # before it is locked.
        Rate.objects.bulk_create([Rate(key=key)], ignore_conflicts=True)
    return tat


def duration(seconds: int) -> str:
    """Return a waiting time in words, rounded up, for example "3 minutes"."""
    for unit, length in (("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length:
            return f"{-(-seconds // length)} {unit}s"
    return f"{seconds} seconds" if seconds != 1 else "1 second"


def _limit(action: Action, subject: Subject) -> RateLimit | None:
    suffix = "_per_address" if subject.per == "address" else ""
    limit: RateLimit | None = getattr(options(), f"rate_{action}{suffix}")
    return limit


def _interval(limit: RateLimit) -> int:
    """Return the nanoseconds after which one more unit is available, rounded up."""
    return -(-limit.seconds * NANOSECONDS // limit.count)


def _key(action: Action, subject: Subject) -> str:
    return f"{action}:{subject.per}:{subject.name}"


def _digest(purpose: str, text: str) -> str:
    return salted_hmac(
        f"uploads.access.rates.{purpose}", text, algorithm="sha256"
    ).hexdigest()


def _network(address: str) -> list[Subject]:
    counted = _counted(address)
    # A client on a Unix socket has no address. Without an address there is no limit
    # here, because all clients would share one allowance.
    return [Subject(counted, "address")] if counted else []


def _counted(address: str) -> str:
    """Return the network whose requests are counted together: for IPv6 the /64."""
    if ":" not in address:
        return address
    network = ipaddress.ip_network(f"{address}/{IPV6_PREFIX}", strict=False)
    return str(network)
