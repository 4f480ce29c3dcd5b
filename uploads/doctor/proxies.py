"""Tests whether TRUSTED_PROXY_COUNT is the number of proxies in front of the site.

The doctor sends a request with a made-up X-Forwarded-For to the public URL of the site.
Each proxy adds an address to this header. The site's answer contains the addresses that
arrived, and the value of the setting.
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
    """Return a token. It proves that the doctor of this site sends the request."""
    return signing.dumps("proxies", salt=_SALT)


def is_ticket(text: str) -> bool:
    """Return whether this site's doctor made ``text`` in the last ten minutes."""
    try:
        return bool(signing.loads(text, salt=_SALT, max_age=MAX_AGE_SECONDS))
    except signing.BadSignature:
        return False


def ask_proxies(origin: str) -> Finding:
    """Return a finding that compares the number of proxies with the setting."""
    name = "site.proxies"
    title = f"TRUSTED_PROXY_COUNT is correct for {origin}"
    headers = {HEADER: ticket(), "X-Forwarded-For": INVENTED}
    try:
        answer = send("GET", f"{origin}{reverse('doctor-proxies')}", headers=headers)
    except NoAnswer as error:
        return skip(name, title, f"The doctor cannot reach {origin}: {error}")
    try:
        told: Any = json.loads(answer.body)
        arrived, trusted = list(told["forwarded_for"]), int(told["trusted"])
    except (ValueError, KeyError, TypeError):
        fact = (
            f"The site answered {answer.status}. This answer does not contain the list "
            "of IP addresses that the doctor expects."
        )
        return skip(name, title, fact)
    return _judged(name, title, arrived, trusted)


def _judged(name: str, title: str, arrived: list[str], trusted: int) -> Finding:
    is_kept = INVENTED in arrived
    proxies = len(arrived) - (arrived.index(INVENTED) + 1 if is_kept else 0)
    fact = (
        f"The number of proxies that add an address to X-Forwarded-For is {proxies}, "
        f"but TRUSTED_PROXY_COUNT is {trusted}."
    )
    fix = f"Set TRUSTED_PROXY_COUNT={proxies}."
    if trusted == proxies:
        return ok(name, title, str(proxies))
    if is_kept and trusted > proxies:
        consequence = "Visitors can fake their IP address, so rate limits do not work."
        return fail(name, title, fact, consequence, fix)
    consequence = (
        "All visitors seem to have the IP address of a proxy, so they share one rate "
        "limit."
    )
    return warn(name, title, fact, consequence, fix)
