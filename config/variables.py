"""The environment variables of the site, and checks for unknown variables.

If an operator misspells a variable, the site silently uses the default. So each start
reports unknown variables and contradictions.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, get_type_hints

from django.core.exceptions import ImproperlyConfigured
from environs import Env

from uploads.conf import Options, RateLimit

PREFIXES = ("UPLOADS_", "S3_", "CLAMD_", "METRICS_")
"""Prefixes of the site's variables.

The site reports a variable with such a prefix if its name is unknown.
"""

S3 = frozenset(
    {
        *("S3_BUCKET", "S3_REGION", "S3_ENDPOINT_URL", "S3_PUBLIC_ENDPOINT_URL"),
        *("S3_ADDRESSING_STYLE", "S3_KEY_PREFIX", "S3_EXPECTED_BUCKET_OWNER"),
        *("S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY", "S3_SESSION_TOKEN"),
        *("S3_SIGNER_ACCESS_KEY_ID", "S3_SIGNER_SECRET_ACCESS_KEY"),
        *("S3_SIGNER_SESSION_TOKEN",),
        *("S3_NOTIFICATIONS_QUEUE_URL", "S3_NOTIFICATIONS_SECRET"),
    }
)
CLAMD = frozenset(
    {"CLAMD_URL", "CLAMD_MAX_BYTES", "CLAMD_TOO_LARGE", "CLAMD_UNALERTED_BYTES"}
)
METRICS = frozenset({"METRICS_SECRET", "METRICS_NETWORKS", "METRICS_DIR"})
OF_MAKE = frozenset({"S3_PORT"})
"""Variables of `make run`, which passes them on to the site."""

KEY_PREFIX = "S3_KEY_PREFIX"


def variable_of(option: str) -> str:
    """Return the variable that sets a field of Options."""
    return KEY_PREFIX if option == "key_prefix" else f"UPLOADS_{option.upper()}"


OPTIONS = {variable_of(field.name): field.name for field in fields(Options)}
KNOWN = S3 | CLAMD | METRICS | OF_MAKE | OPTIONS.keys()


def options_of(env: Env) -> dict[str, Any]:
    """Return the setting UPLOADS, which contains each option whose variable is set."""
    hints = get_type_hints(Options)
    found: dict[str, Any] = {}
    for name, option in OPTIONS.items():
        value: Any
        if hints[option] is int:
            value = env.int(name, None)
        elif hints[option] is float:
            value = env.float(name, None)
        else:
            value = env.str(name, None)
        if hints[option] == tuple[str, ...]:
            value = [word.strip() for word in (value or "").split(",") if word.strip()]
            value = value or None
        if value is not None:
            found[option.upper()] = value
    return found


def complaints(environment: Mapping[str, str]) -> list[str]:
    """Return one sentence for each unknown variable and for each contradiction."""
    given = {name: value for name, value in environment.items() if value.strip()}
    return [*_unknown(environment), *_contradictions(given)]


def _unknown(environment: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(environment):
        prefix = next((p for p in PREFIXES if name.startswith(p)), None)
        if prefix is None or name in KNOWN:
            continue
        nearest = nearest_to(name)
        yield f"{name} is set, but there is no such variable." + (
            f" Do you mean {nearest}?" if nearest else ""
        )


def nearest_to(name: str) -> str:
    """Return the known variable whose spelling is nearest to ``name``, or ``""``."""
    found = difflib.get_close_matches(name, sorted(KNOWN), n=1, cutoff=0.7)
    return found[0] if found else ""


def _contradictions(given: Mapping[str, str]) -> Iterator[str]:
    """Yield sentences about variables that another variable makes ineffective."""
    for name, needed in _NEEDS:
        if name in given and needed not in given:
            yield f"{name} has no effect, because {needed} is not set."
    for first, second in _PAIRS:
        if first in given and second not in given:
            yield f"{first} is set, but {second} is not. Set both or neither."
    yield from _reversed_limits(given)
    if "METRICS_NETWORKS" in given and _is_proxied_blindly(given):
        yield (
            "METRICS_NETWORKS and BEHIND_TLS_PROXY are set, but TRUSTED_PROXY_COUNT is "
            "0. Every request seems to come from the proxy, so METRICS_NETWORKS has no "
            "effect. Set TRUSTED_PROXY_COUNT to the number of proxies."
        )
    if _is_on(given.get("DEBUG", "true")):
        for name in _WITHOUT_DEBUG:
            if name in given:
                yield f"{name} has no effect, because DEBUG is on."
    elif _is_on(given.get("SECURE_HSTS_PRELOAD", "")) and not _is_on(
        given.get("SECURE_HSTS_INCLUDE_SUBDOMAINS", "true")
    ):
        yield (
            "SECURE_HSTS_PRELOAD is on, but SECURE_HSTS_INCLUDE_SUBDOMAINS is off. "
            "Browsers preload only sites that include their subdomains. Turn both on "
            "or both off."
        )


def _reversed_limits(given: Mapping[str, str]) -> Iterator[str]:
    """Yield sentences about limits that contradict another limit."""
    for smaller, larger in _ORDERED:
        low, high = _number(given.get(smaller)), _number(given.get(larger))
        if low is not None and high is not None and low > high:
            yield (
                f"{smaller} is {given[smaller]}, but {larger} is {given[larger]}. "
                f"{smaller} must not be larger than {larger}."
            )
    for option in fields(Options):
        per_user, per_address = option.name, f"{option.name}_per_address"
        user, address = (_a_second(given, name) for name in (per_user, per_address))
        if user is not None and address is not None and user > address:
            yield (
                f"{variable_of(per_user)} is larger than {variable_of(per_address)}, "
                "so requests from one address reach the second limit first."
            )


def _a_second(given: Mapping[str, str], option: str) -> float | None:
    """Return the units per second that a variable allows, or None without a value."""
    name = variable_of(option)
    try:
        limit = RateLimit.parse(given.get(name, ""), name=name)
    except ImproperlyConfigured:
        return None  # settings.py reports this error
    return limit.count / limit.seconds if limit else None


def _is_proxied_blindly(given: Mapping[str, str]) -> bool:
    is_behind = _is_on(given.get("BEHIND_TLS_PROXY", ""))
    return is_behind and _number(given.get("TRUSTED_PROXY_COUNT", "0")) == 0


def _is_on(text: str) -> bool:
    return text.strip().lower() in {"1", "true", "t", "yes", "y", "on"}


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None  # settings.py reports this error


_NEEDS = (
    ("CLAMD_MAX_BYTES", "CLAMD_URL"),
    ("CLAMD_TOO_LARGE", "CLAMD_URL"),
    ("CLAMD_UNALERTED_BYTES", "CLAMD_URL"),
    ("S3_SESSION_TOKEN", "S3_ACCESS_KEY_ID"),
    ("S3_SIGNER_SESSION_TOKEN", "S3_SIGNER_ACCESS_KEY_ID"),
)
_WITHOUT_DEBUG = (
    *("SECURE_SSL_REDIRECT", "SECURE_COOKIES", "SECURE_HSTS_SECONDS"),
    *("SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_HSTS_PRELOAD"),
)
_PAIRS = (
    ("S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"),
    ("S3_SECRET_ACCESS_KEY", "S3_ACCESS_KEY_ID"),
    ("S3_SIGNER_ACCESS_KEY_ID", "S3_SIGNER_SECRET_ACCESS_KEY"),
    ("S3_SIGNER_SECRET_ACCESS_KEY", "S3_SIGNER_ACCESS_KEY_ID"),
)
_ORDERED = (
    ("UPLOADS_INLINE_INSPECTION_BYTES", "UPLOADS_INSPECTION_BYTES"),
    ("UPLOADS_INLINE_INSPECTION_SECONDS", "UPLOADS_INSPECTION_SECONDS"),
)
