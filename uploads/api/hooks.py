"""The endpoint for S3 notifications over HTTP, for providers without a queue."""

from __future__ import annotations

import base64
import hmac

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from uploads.api.problems import problem, problem_of, respond, retry_after
from uploads.errors import NotAuthenticated, StorageUnavailable
from uploads.s3.notifications import UnreadableNotification
from uploads.upkeep.intake import park, take_in


@csrf_exempt
@login_not_required
def s3_notification(request: HttpRequest) -> HttpResponse:
    """Process a notification from MinIO, SeaweedFS, R2 or SNS.

    The sender must send the secret of the setting S3_NOTIFICATIONS_SECRET, either as
    ``Authorization: Bearer <secret>`` or as the password of Basic authentication. SNS
    supports only Basic. If the setting is empty, the response is 404. After a 503, the
    sender should retry.
    """
    if not settings.S3_NOTIFICATIONS_SECRET:
        return respond(problem(404))
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if not _knows_secret(request):
        response = respond(problem_of(NotAuthenticated("The shared secret is wrong.")))
        # SNS sends its password only after a 401 with this header.
        response["WWW-Authenticate"] = 'Bearer, Basic realm="S3 notifications"'
        return response
    try:
        return _take_in(request.body)
    except RequestDataTooBig:
        return respond(problem(413, detail="The body is too large for a notification."))
    except StorageUnavailable as error:
        return respond(problem_of(error), retry_after_seconds=retry_after(error))


def _take_in(body: bytes) -> HttpResponse:
    try:
        counts = take_in(body)
    except UnreadableNotification as error:
        # A retry would have the same unreadable body. So store the body for an
        # operator, and return 202 to stop the retries.
        park("http", body.decode("utf-8", "replace"), str(error))
        return JsonResponse({"handled": 0, "unknown": 0, "parked": 1}, status=202)
    return JsonResponse(
        {"handled": counts.handled, "unknown": counts.unknown, "parked": 0}
    )


def _knows_secret(request: HttpRequest) -> bool:
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    secret = sent.strip().encode("utf-8", "surrogateescape")
    if scheme.lower() == "basic":
        secret = _password(secret)
    elif scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(secret, settings.S3_NOTIFICATIONS_SECRET.encode())


def _password(credentials: bytes) -> bytes:
    try:
        return base64.b64decode(credentials, validate=True).partition(b":")[2]
    except ValueError:
        return b""
