"""The way without JavaScript: ask for room, send the file by a form, have it checked.

S3 takes the form itself and then sends the browser back here. What it says in the
address is not read: the row and the bucket decide.
"""

from __future__ import annotations

import uuid
from http import HTTPStatus

from csp.decorators import csp_replace
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from uploads import lifecycle
from uploads.access import rates
from uploads.access.addresses import client_address
from uploads.errors import (
    ContentTypeNotAllowed,
    FileTooLarge,
    Incomplete,
    InvalidState,
    QuotaExceeded,
    StorageError,
    UploadError,
)
from uploads.forms import PlainUploadForm
from uploads.lifecycle import quota, reconciliation
from uploads.lifecycle.policy import policy_for
from uploads.models import Upload
from uploads.states import State
from uploads.text.sizes import format_bytes
from uploads.views.files import own_upload, show_home

STATUS: dict[type[UploadError], HTTPStatus] = {
    QuotaExceeded: HTTPStatus.FORBIDDEN,
    FileTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ContentTypeNotAllowed: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    StorageError: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""As in api/problems.py; any other refusal is a 409 here."""

# A browser asks this of the form's target, and of where S3 sends it on to.
_form_to_the_bucket = csp_replace(
    {"form-action": ["'self'", settings.BUCKET_ORIGIN]},
)


class SeeOther(HttpResponseRedirect):
    """After a POST: the next page is a GET, whatever the browser."""

    status_code = HTTPStatus.SEE_OTHER


@require_POST
@never_cache
def start(request: HttpRequest) -> HttpResponse:
    """Reserve room for one file and go on to the form that sends it.

    What is refused is said on the same page, and nothing is reserved.
    """
    _spend(request, "start")
    usage, policy = quota.usage(request.user), policy_for(request.user)
    form = PlainUploadForm(request.POST, usage=usage, policy=policy)
    if not form.is_valid():
        return show_home(request, form=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    asked = form.cleaned_data
    try:
        row = lifecycle.start_form(
            owner=request.user,
            byte_size=asked["room"],
            filename=asked["filename"],
            idempotency_key=asked["once"],
        )
    except UploadError as error:
        messages.error(request, _in_words(error, asked["room"], request))
        return show_home(request, form=form, status=_status(error))
    return SeeOther(reverse("upload-send", args=[row.pk]))


@require_GET
@never_cache
@_form_to_the_bucket  # type: ignore[arg-type]  # they know no arguments
def send(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """Show the form that sends the file straight to the bucket, signed just now."""
    _spend(request, "presign")
    return _show_form(request, own_upload(request, upload_id))


@require_GET
@never_cache
@_form_to_the_bucket  # type: ignore[arg-type]  # they know no arguments
def arrived(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """Look at what has come, as the sweeper would, and go on to the file's page.

    S3 sends the browser here behind the form, so it is a GET; it changes nothing
    that would not happen by itself a little later.
    """
    _spend(request, "complete")
    row = own_upload(request, upload_id)
    try:
        reconciliation.complete(row, actor=request.user)
    except Incomplete:
        _spend(request, "presign")
        messages.warning(
            request, "Nothing has arrived yet. Choose the file once more and send it."
        )
        return _show_form(request, row, status=HTTPStatus.CONFLICT)
    except InvalidState:
        pass  # it is over, which its page says
    except StorageError as error:
        return render(
            request,
            "send_later.html",
            {"upload": row, "usage": quota.usage(request.user)},
            status=_status(error),
        )
    return redirect("upload", row.pk)


def _spend(request: HttpRequest, action: rates.Action) -> None:
    """Let the person and their network pay; raise RateLimited, which is a page."""
    rates.spend(action, *rates.payers(request.user, client_address(request)))


def _show_form(
    request: HttpRequest, row: Upload, *, status: int = HTTPStatus.OK
) -> HttpResponse:
    back = request.build_absolute_uri(reverse("upload-arrived", args=[row.pk]))
    try:
        form = lifecycle.presign_form(row, redirect_url=back)
    except InvalidState as error:
        if row.state == State.PENDING:
            messages.error(request, error.detail)
        return redirect("upload", row.pk)
    context = {"upload": row, "form": form, "usage": quota.usage(request.user)}
    return render(request, "send.html", context, status=status)


def _in_words(error: UploadError, room: int, request: HttpRequest) -> str:
    """Say a refusal in the sizes that people read, where it is about sizes."""
    usage = quota.usage(request.user)
    if isinstance(error, FileTooLarge):
        most = min(policy_for(request.user).max_file_size, lifecycle.MAX_FORM_BYTES)
        return f"You may send files of up to {format_bytes(most)} here."
    if isinstance(error, QuotaExceeded) and usage.free_files > 0:
        return (
            f"There is no room for a file of up to {format_bytes(room)}: "
            f"{format_bytes(usage.free_bytes)} of your {format_bytes(usage.limit_bytes)} are "
            "left. Choose a smaller size, or delete a file first."
        )
    return error.detail


def _status(error: UploadError) -> int:
    for kind, status in STATUS.items():
        if isinstance(error, kind):
            return status
    return HTTPStatus.CONFLICT
