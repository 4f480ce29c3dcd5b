"""Does TRUSTED_PROXY_COUNT agree with the proxies before the site?

A request to the public URL carries a random X-Forwarded-For. The site answers with the
addresses that arrived in this header and with the number of proxies that it trusts.
"""

from __future__ import annotations

import json
from typing import Any

from django.core import signing
from django.urls import reverse

from uploads.doctor.results import Finding, fail, ok, skip, warn
from uploads.s3.wire import NoAnswer, send

HEADER = "X-Slipway-Doctor"
INVENTED = "203.0.113.254"
MAX_AGE_SECONDS = 600
_SALT = "slipway.doctor.proxies"


def ticket() -> str:
    """Return a token that proves that this site's doctor sends the request."""
    return signing.dumps("proxies", salt=_SALT)


def is_ticket(text: str) -> bool:
    """Return whether ``text`` is a recent token of this site's doctor."""
    try:
        return bool(signing.loads(text, salt=_SALT, max_age=MAX_AGE_SECONDS))
    except signing.BadSignature:
        return False


def ask_proxies(origin: str) -> Finding:
    """Send the request and compare the counted proxies with the setting."""
    name, title = "site.proxies", f"The proxies before {origin} are counted"
    headers = {HEADER: ticket(), "X-Forwarded-For": INVENTED}
    try:
        answer = send("GET", f"{origin}{reverse('doctor-proxies')}", headers=headers)
    except NoAnswer as error:
        return skip(name, title, f"The doctor cannot reach it: {error}")
    try:
        told: Any = json.loads(answer.body)
        arrived, trusted = list(told["forwarded_for"]), int(told["trusted"])
    except (ValueError, KeyError, TypeError):
        return skip(name, title, f"Answered {answer.status} without the addresses.")
    return _judged(name, title, arrived, trusted)


def _judged(name: str, title: str, arrived: list[str], trusted: int) -> Finding:
    is_kept = INVENTED in arrived
    proxies = len(arrived) - (arrived.index(INVENTED) + 1 if is_kept else 0)
    fact = (
        f"{proxies} proxies add to X-Forwarded-For, TRUSTED_PROXY_COUNT is {trusted}."
    )
    fix = f"Set TRUSTED_PROXY_COUNT={proxies}."
    if trusted == proxies:
        return ok(name, title, str(proxies))
    if is_kept and trusted > proxies:
        consequence = (
            "Visitors can fake their address with a header and so evade limits."
        )
        return fail(name, title, fact, consequence, fix)
    consequence = (
        "All visitors appear under a proxy's address and share its rate limits."
    )
    return warn(name, title, fact, consequence, fix)
