"""What load balancers and monitors ask: does the process live, can it do its work?

Anybody may ask, as often as they like, so it must cost next to nothing.
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
"""For so long an answer is given again, by this process, without asking anew."""

PATIENCE_SECONDS = 10
"""What has not answered by then does not work, whatever it said before."""


class Probe:
    """A question that is asked by one at a time, whose answer holds for a while.

    Who comes while another asks is not kept waiting: the answer is then the last
    one, and False before there is any, or when this one takes too long.
    """

    def __init__(
        self, ask: Callable[[], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Know as little as at the start of the process."""
        self._last = False
        self._answered_at: float | None = None
        self._asked_at: float | None = None

    def answers(self) -> bool:
        """Return whether what is asked about works. Raises what the question raises."""
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
    """Answer while the process lives."""
    return JsonResponse({"status": "ok"})


@login_not_required
@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer whether the database and the bucket can be reached; 503 names the one.

    Why it cannot be reached is for the log, not for whoever asks here.
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
    except Error:  # InterfaceError too, which is no DatabaseError
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
