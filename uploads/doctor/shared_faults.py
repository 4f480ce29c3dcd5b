"""One examination of the bucket for all pages that fail in the same seconds."""

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
"""How long all pages share one result."""
WAIT_SECONDS = 3.0
"""How long a request waits for an examination. A later request fetches the result."""
ASKING_SECONDS = 15
"""How long no other process begins the same examination."""
TOLD_SECONDS = 300
"""The log has one line for each cause in this time."""

Ask = Callable[[], list[Fault]]

_pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="storage-faults")
_late: dict[str, Future[list[Fault]]] = {}
_lock = threading.Lock()


def shared(name: str, ask: Ask, *, pause: float = 1) -> list[Fault] | None:
    """Return the result of ``ask`` that all requests of these seconds share.

    None means that the examination is still in progress: ask again. ``name`` says what
    is examined. Examinations of one kind, the first word of ``name``, begin at most
    every ``pause`` seconds, whatever the names are.
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
    with _lock:
        _late.pop(key, None)
    cache.set(key, [fault.value for fault in result], SHARED_SECONDS)
    cache.delete(f"{key}-asking")
    return result


def _running(key: str) -> Future[list[Fault]] | None:
    with _lock:
        return _late.get(key)


def _begin(key: str, ask: Ask) -> Future[list[Fault]]:
    future = _pool.submit(ask)
    with _lock:
        # Results that no request has fetched are of no use any more.
        for old in [each for each, one in _late.items() if one.done()]:
            del _late[old]
        _late[key] = future
    return future


def tell_operators(faults: Sequence[Fault]) -> None:
    """Write one line for each cause, unless the log has that line already."""
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
