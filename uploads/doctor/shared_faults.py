"""Shares one examination of the bucket among all pages that fail at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime

import structlog
from django.core.cache import cache
from django.utils.crypto import salted_hmac

from uploads.doctor.storage_faults import Fault
from uploads.errors import StorageError

logger = structlog.get_logger("slipway.storage")

SHARED_SECONDS = 10
"""All pages share one result for this time."""
WAIT_SECONDS = 3.0
"""A request waits this long for an examination. Later requests fetch the result."""
ASKING_SECONDS = 15
"""Lease of an examination: no other process begins it in this time."""
TOLD_SECONDS = 300
"""Each cause is logged at most once in this time."""

Ask = Callable[[], list[Fault]]

_pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="storage-faults")
_late: dict[str, Future[list[Fault]]] = {}
_lock = threading.Lock()


def shared(name: str, ask: Ask, *, pause: float = 1) -> list[Fault] | None:
    """Return the result of ``ask``, shared by all requests for SHARED_SECONDS.

    Returns None while the examination is in progress; the caller must retry. ``name``
    identifies the examination. Its first word is the kind. Examinations of one kind
    begin at most every ``pause`` seconds.
    """
    key = _key(name)
    found = cache.get(key)
    if found is not None:
        return [Fault(value) for value in found]
    running = _running(key)
    if running is not None and not running.done():
        return None
    if running is None:
        kind = name.split(" ", maxsplit=1)[0]
        if not cache.add(f"{key}-asking", True, ASKING_SECONDS):
            return None
        if not cache.add(_key(f"pause {kind}"), True, pause):
            cache.delete(f"{key}-asking")
            return None
        running = _begin(key, ask)
    try:
        result = running.result(timeout=WAIT_SECONDS)
    except NotInTime:
        return None
    except StorageError:
        result = []
    except Exception:
        _forget(key, running)
        raise
    _forget(key, running)
    cache.set(key, [fault.value for fault in result], SHARED_SECONDS)
    cache.delete(f"{key}-asking")
    return result


def _running(key: str) -> Future[list[Fault]] | None:
    with _lock:
        return _late.get(key)


def _forget(key: str, examination: Future[list[Fault]]) -> None:
    with _lock:
        if _late.get(key) is examination:
            del _late[key]


def _begin(key: str, ask: Ask) -> Future[list[Fault]]:
    future = _pool.submit(ask)
    with _lock:
        # Drop finished results that no request fetched.
        for old in [each for each, one in _late.items() if one.done()]:
            del _late[old]
        _late[key] = future
    return future


def tell_operators(faults: Sequence[Fault]) -> None:
    """Log each cause, unless it was logged within TOLD_SECONDS."""
    for fault in faults:
        if cache.add(_key(f"told {fault.value}"), True, TOLD_SECONDS):
            logger.warning(
                "storage.fault",
                fault=fault.value,
                effect="Browsers cannot upload.",
                advice="Run manage.py doctor.",
            )


def _key(name: str) -> str:
    digest = salted_hmac("uploads.doctor.shared_faults", name, algorithm="sha256")
    return f"slipway-faults-{digest.hexdigest()}"
