"""Runs examinations (tests of the bucket), and shares each result among many requests.

If the storage has a fault, many pages ask the server for the cause at the same time.
Without this module, each of these requests would make the server send requests to S3.
"""

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
"""Number of seconds for which all requests get the same result."""
WAIT_SECONDS = 3.0
"""How long a request waits for the end of an examination.

If the examination takes longer, a later request gets its result.
"""
ASKING_SECONDS = 15
"""Lease of an examination. No other process begins it during this number of seconds."""
TOLD_SECONDS = 300
"""Minimum time between two log entries about the same cause."""

Ask = Callable[[], list[Fault]]

_pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="storage-faults")
_late: dict[str, Future[list[Fault]]] = {}
_lock = threading.Lock()


def shared(name: str, ask: Ask, *, pause: float = 1) -> list[Fault] | None:
    """Return the result of the examination ``ask``, or None if it is not finished.

    After None, the caller must try again later. Every request with the same ``name``
    gets the same result for SHARED_SECONDS. The first word of ``name`` is the kind of
    the examination. At most one examination of a kind begins every ``pause`` seconds.
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
        # Delete finished results that no request has fetched.
        for old in [each for each, one in _late.items() if one.done()]:
            del _late[old]
        _late[key] = future
    return future


def tell_operators(faults: Sequence[Fault]) -> None:
    """Log each cause. Skip a cause that was logged in the last TOLD_SECONDS."""
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
