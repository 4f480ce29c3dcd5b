"""Sends CORS preflights, and checks the answers as browsers do.

A preflight is the OPTIONS request with which a browser asks S3 whether a page may
upload. Source: Fetch standard, section 4.8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from uploads.s3.wire import READ_SECONDS, Answer, send

SIMPLE_METHODS = {"GET", "HEAD", "POST"}


@dataclass(frozen=True)
class Judgement:
    """Contains the answer to a preflight, and its faults.

    If there are no faults, a browser sends the upload. Each fault is one of: status,
    origin, multiple, method, headers.
    """

    answer: Answer
    faults: tuple[str, ...]
    missing_headers: tuple[str, ...] = ()


def preflight(
    url: str,
    origin: str,
    method: str,
    headers: Sequence[str] = (),
    *,
    timeout: float = READ_SECONDS,
) -> Judgement:
    """Send a preflight, and return the answer with its faults. Raises NoAnswer."""
    sent = {"Origin": origin, "Access-Control-Request-Method": method}
    if headers:
        sent["Access-Control-Request-Headers"] = ",".join(sorted(headers))
    answer = send("OPTIONS", url, headers=sent, timeout=timeout)
    return judge(answer, origin, method, headers)


def judge(
    answer: Answer, origin: str, method: str, headers: Sequence[str]
) -> Judgement:
    """Return the answer to a preflight with the faults that a browser would find."""
    faults = [*origin_faults(answer, origin)]
    if not 200 <= answer.status < 300:
        faults.append("status")
    allowed = _words(answer, "access-control-allow-methods")
    if method not in SIMPLE_METHODS and not {method, "*"} & set(allowed):
        faults.append("method")
    known = {name.lower() for name in _words(answer, "access-control-allow-headers")}
    missing = [name for name in headers if not {name.lower(), "*"} & known]
    if missing:
        faults.append("headers")
    return Judgement(answer, tuple(faults), tuple(missing))


def origin_faults(answer: Answer, origin: str) -> list[str]:
    """Return the faults of the header Access-Control-Allow-Origin for ``origin``."""
    values = answer.header_list("access-control-allow-origin")
    if len(values) > 1 or any("," in value for value in values):
        return ["multiple"]
    return [] if values and values[0] in {origin, "*"} else ["origin"]


def _words(answer: Answer, name: str) -> list[str]:
    return [word.strip() for word in answer.header(name).split(",") if word.strip()]
