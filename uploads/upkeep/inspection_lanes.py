"""Runs long inspections in threads of the sweeper, in parallel to its passes."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import structlog
from django.db import close_old_connections, connections
from django.utils import timezone

from uploads.lifecycle import schedule
from uploads.models import Upload
from uploads.outages import DATABASE_ERRORS
from uploads.upkeep.sweeper import Report, StorageDown, settle_row

logger = structlog.get_logger("slipway.sweeper")

LANES = 4
LANES_PER_OWNER = 2
"""Maximum number of lanes (threads) for uploads of one owner.

With this limit, the files of one person do not delay the files of other people.
"""


class InspectionLanes:
    """A pool of threads (lanes) that finishes background inspections.

    Several processes may have such a pool. Each inspection starts with a claim, so only
    one process inspects an upload.
    """

    def __init__(self, *, every: float) -> None:
        self._every = every
        self._pool = ThreadPoolExecutor(LANES, thread_name_prefix="inspection")
        self._lock = threading.Lock()
        self._running: dict[UUID, int] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, daemon=True)

    def start(self) -> None:
        """Start the thread that finds due inspections."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread that finds inspections, and wait for running inspections."""
        self._stopping.set()
        self._thread.join()
        self._pool.shutdown()

    def start_due(self) -> int:
        """Start due inspections in free lanes; return their number."""
        given = 0
        while (upload := self._next()) is not None:
            with self._lock:
                self._running[upload.pk] = upload.owner_id
            self._pool.submit(self._inspect, upload)
            given += 1
        return given

    def _next(self) -> Upload | None:
        """Return the next upload to inspect.

        Returns None if no inspection is due or if no lane is free.
        """
        with self._lock:
            running = dict(self._running)
        if len(running) >= LANES:
            return None
        of_owner = Counter(running.values())
        return schedule.next_inspection(
            timezone.now(),
            not_rows=list(running),
            not_owners=[
                owner for owner, count in of_owner.items() if count >= LANES_PER_OWNER
            ],
        )

    def _loop(self) -> None:
        while not self._stopping.wait(self._every):
            _guarded(self.start_due)
            connections.close_all()

    def _inspect(self, upload: Upload) -> None:
        try:
            close_old_connections()
            _guarded(lambda: settle_row(upload, Report()))
        finally:
            with self._lock:
                del self._running[upload.pk]
            connections.close_all()


def _guarded(step: Callable[[], object]) -> None:
    """Run ``step`` and log its errors.

    After an error, a later call of ``start_due`` inspects the upload again.
    """
    try:
        step()
    except StorageDown:
        logger.warning("inspections.paused", error="S3 does not answer.")
    except DATABASE_ERRORS as error:
        logger.warning("inspections.paused", error=str(error))
    except Exception:
        logger.exception("inspections.failed")
