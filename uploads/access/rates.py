"""Rate limits in the database. One conditional UPDATE checks and spends an allowance.

The algorithm is the generic cell rate algorithm (GCRA). For each action and subject it
stores one time, the theoretical arrival time (``tat``). At this time, the full
allowance is available again. Each spent unit moves ``tat`` into the future, by
``seconds / count`` of the limit. ``tat`` may be at most ``seconds`` in the future. GCRA
has no fixed windows, so a client cannot spend twice the limit around the end of a
window.

The database serialises concurrent updates, so the limit is exact for any number of
processes. If the clocks of two machines differ by one second, a limit can be wrong. The
error is at most the number of units that the limit allows in one second. While the
database does not answer, every request with a rate limit fails.
"""

from __future__ import annotations

import ipaddress
import time
from dataclasses import dataclass
from typing import Any, Literal

from django.db import connections, router, transaction
from django.db.models import F
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
_ADVANCE = """
    UPDATE uploads_rate
    SET tat = CASE WHEN tat > %s THEN tat ELSE %s END + %s
    WHERE "key" = %s AND tat <= %s
"""  # Django needs ten times as long to build this statement as to run it.
IPV6_PREFIX = 64
"""Prefix length of the IPv6 networks that are counted as one client.

Internet providers give each customer a whole /64 network. So a customer could use a new
address in each request.
"""


@dataclass(frozen=True)
class Subject:
    """A user, network or mailbox with its own allowance. ``per`` selects the limit."""

    name: str
    per: Literal["user", "address"]


def payers(user: Any, address: str) -> list[Subject]:
    """Return the subjects of a request: the user, and the network of the address."""
    return [Subject(str(user.pk), "user"), *_network(address)]


def visitors(address: str) -> list[Subject]:
    """Return the subject of an anonymous request: the network of its address."""
    return _network(address)


def session_payers(user: Any, address: str) -> list[Subject]:
    """Return the subject of a successful login: the pair of user and network."""
    return [Subject(f"{user.pk} {_counted(address)}", "user")]


def recipient(email: str) -> Subject:
    """Return the subject for mails to ``email``. Upper and lower case do not matter."""
    return Subject(_digest("recipient", email.casefold()), "user")


def login_payers(name: str, address: str) -> list[Subject]:
    """Return the subjects of a login attempt: network, and pair of network and name.

    ``name`` is the text that the visitor typed, even if no account has this name. Each
    pair of name and network has its own allowance, so that an attacker cannot lock out
    the owner of an account. The database stores only a digest of the name, because
    people sometimes type their password into this field.
    """
    digest = _digest("login", f"{name.casefold()}\n{_counted(address)}")
    # The network comes first, because ``spend`` stops at the first limit that is
    # reached. So when the network's limit is reached, new names add no rows.
    return [*_network(address), Subject(digest, "user")]


def spend(action: Action, *subjects: Subject, cost: int = 1, paid: int = 0) -> None:
    """Spend ``cost`` units of every subject's allowance, or spend nothing.

    ``paid`` is the part of ``cost`` that ``prepay`` has already spent. Raises
    RateLimited with the seconds to wait if an allowance is too small now. Raises
    InvalidRequest if ``cost`` is above a limit, because waiting would not help. Call
    this function before the code that reserves quota or calls S3. Call it outside of a
    transaction, because a transaction would keep the rows locked.
    """
    for subject in subjects:
        limit = _limit(action, subject)
        if limit is not None and cost > limit.count:
            raise InvalidRequest(
                f"This request contains {cost} items, but the limit is {limit}. Send "
                "fewer items."
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
    """Spend ``cost`` units, but at most the lowest limit. Return the spent units.

    The API calls this function before it parses a body, when it knows only the size of
    the body. Raises RateLimited.
    """
    limits = (_limit(action, subject) for subject in subjects)
    price = min([cost, *(limit.count for limit in limits if limit is not None)])
    spend(action, *subjects, cost=price)
    return price


def give_back(action: Action, *subjects: Subject, cost: int = 1) -> None:
    """Undo a call of ``spend`` with the same arguments."""
    for subject in subjects:
        limit = _limit(action, subject)
        if limit is not None:
            Rate.objects.filter(pk=_key(action, subject)).update(
                tat=F("tat") - cost * _interval(limit)
            )


def forget_rested(*, limit: int) -> int:
    """Delete up to ``limit`` rows with a full allowance. Return their number."""
    now = time.time_ns()
    rested = list(Rate.objects.filter(tat__lt=now).values_list("pk", flat=True)[:limit])
    # Repeat the condition, because a concurrent request may have spent units of a row.
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
        # Retry under the lock with the current time. The first attempt read the clock
        # before its UPDATE. Between these two steps, a concurrent request may have
        # moved ``tat``, so the refusal may be wrong.
        if _advance(key, limit, cost):
            return
        wait = max(1, -((_latest(limit, cost) - tat) // NANOSECONDS))  # rounded up
    raise RateLimited(
        f"Too many requests; the limit is {limit}. Try again in {duration(wait)}.",
        retry_after=wait,
    )


def _advance(key: str, limit: RateLimit, cost: int) -> bool:
    """Spend ``cost`` units and return True, if the allowance is sufficient."""
    now, price = time.time_ns(), cost * _interval(limit)
    with connections[router.db_for_write(Rate)].cursor() as cursor:
        cursor.execute(_ADVANCE, [now, now, price, key, _latest(limit, cost)])
        return bool(cursor.rowcount)


def _latest(limit: RateLimit, cost: int) -> int:
    """Return the latest ``tat`` that leaves enough allowance for ``cost`` units now."""
    return time.time_ns() + (limit.count - cost) * _interval(limit)


def _locked(key: str) -> int:
    """Lock the row and return its ``tat``. Create the row if it is missing."""
    rows = Rate.objects.select_for_update().filter(pk=key)
    while (tat := rows.values_list("tat", flat=True).first()) is None:
        # The loop repeats only if the sweeper deletes the row before this function
        # locks it.
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
    """Return the time in nanoseconds until one more unit is available, rounded up."""
    return -(-limit.seconds * NANOSECONDS // limit.count)


def _key(action: Action, subject: Subject) -> str:
    return f"{action}:{subject.per}:{subject.name}"


def _digest(purpose: str, text: str) -> str:
    return salted_hmac(
        f"uploads.access.rates.{purpose}", text, algorithm="sha256"
    ).hexdigest()


def _network(address: str) -> list[Subject]:
    counted = _counted(address)
    # A connection over a Unix socket has no address. Requests without an address have
    # no limit per address. Otherwise, all clients would share one allowance.
    return [Subject(counted, "address")] if counted else []


def _counted(address: str) -> str:
    """Return the address or, for IPv6, the network that counts as one client."""
    if ":" not in address:
        return address
    network = ipaddress.ip_network(f"{address}/{IPV6_PREFIX}", strict=False)
    return str(network)
