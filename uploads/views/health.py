"""Health checks for load balancers and monitoring.

Anybody may call these URLs without a rate limit, so each call must be cheap.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from uploads.errors import UploadError
from uploads.s3.bucket import get_bucket

FRESH_SECONDS = 5
"""Seconds for which this process reuses the last result of a check."""

PATIENCE_SECONDS = 10
"""Time in seconds after which a running check is treated as failed."""


class Probe:
    """Runs a check in one thread at a time, and reuses the result for FRESH_SECONDS.

    While one thread runs the check, all other callers get the last result at once. If
    there is no result yet, or if the check takes longer than PATIENCE_SECONDS, they get
    False.
    """

    def __init__(
        self, ask: Callable[[], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Forget the last result, so that the next call runs the check."""
        self._last = False
        self._answered_at: float | None = None
        self._asked_at: float | None = None

    def answers(self) -> bool:
        """Return the result of the check. Raises any error that the check raises."""
        with self._lock:
            now = self._clock()
            if self._asked_at is not None:
                return self._last and now - self._asked_at < PATIENCE_SECONDS
            if (
                self._answered_at is not None
                and now - self._answered_at < FRESH_SECONDS
            ):
                return self._last
            self._asked_at = now
        answer = False
        try:
            answer = self._ask()
        finally:
            with self._lock:
                self._answered_at = self._clock()
                answer = answer and self._answered_at - now < PATIENCE_SECONDS
                self._last, self._asked_at = answer, None
        return answer


@login_not_required
@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """Return 200, which shows that this process handles requests."""
    return JsonResponse({"status": "ok"})


@login_not_required
@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Return 200 if the database and the bucket answer, else 503.

    The response says whether the database or the bucket failed. It contains no reason,
    because anybody may call this URL.
    """
    parts = {"database": database.answers(), "bucket": bucket.answers()}
    ready = all(parts.values())
    body = {name: "ok" if fine else "failed" for name, fine in parts.items()}
    return JsonResponse(
        {"status": "ok" if ready else "failed", **body}, status=200 if ready else 503
    )


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:  # DatabaseError would not include InterfaceError
        return False
    return True


def _bucket_answers() -> bool:
    try:
        get_bucket().check()
    except UploadError:
        return False
    return True


database = Probe(_database_answers)
bucket = Probe(_bucket_answers)
