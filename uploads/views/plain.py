"""Pages for uploads without JavaScript: reserve space, send the file, check the file.

The browser sends the form with the file directly to S3. Then S3 redirects the browser
to this site. The site ignores the parameters that S3 adds to the URL. It trusts only
the row and the bucket.
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
from uploads.views.paying import spend

PAGE_STATUS: dict[type[UploadError], HTTPStatus] = {
    QuotaExceeded: HTTPStatus.FORBIDDEN,
    FileTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ContentTypeNotAllowed: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    StorageError: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""HTTP statuses of errors, as in api/problems.py. All other errors have status 409."""

# The form sends the file to the bucket, and S3 redirects the browser to this site.
# Browsers permit the form and the redirect only if form-action contains their origins.
_form_to_the_bucket = csp_replace(
    {"form-action": ["'self'", settings.BUCKET_ORIGIN]},
)


class SeeOther(HttpResponseRedirect):
    """A redirect after a POST. The browser requests the next page with GET."""

    status_code = HTTPStatus.SEE_OTHER


@require_POST
@never_cache
def start(request: HttpRequest) -> HttpResponse:
    """Reserve space for one file and redirect to the form that sends the file.

    If the request is refused, reserve nothing and show the upload page with the reason.
    """
    spend(request, "start")
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
            idempotency_key=asked["idempotency_key"],
        )
    except UploadError as error:
        messages.error(request, _message(error, asked["room"], request))
        return show_home(request, form=form, status=_status(error))
    return SeeOther(reverse("upload-send", args=[row.pk]))


@require_GET
@never_cache
@_form_to_the_bucket  # type: ignore[arg-type]  # csp's types are too narrow
def send(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """Show a newly signed form, which sends the file directly to the bucket."""
    spend(request, "presign")
    return _show_form(request, own_upload(request, upload_id))


@require_GET
@never_cache
@_form_to_the_bucket  # type: ignore[arg-type]  # csp's types are too narrow
def arrived(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """Complete the upload as the sweeper would, and redirect to the file's page.

    When S3 has stored the file of the form, it redirects the browser to this URL, so
    the method is GET. A GET may change the upload here, because the sweeper would make
    the same change later.
    """
    spend(request, "complete")
    row = own_upload(request, upload_id)
    try:
        reconciliation.complete(row, actor=request.user)
    except Incomplete:
        spend(request, "presign")
        messages.warning(
            request, "The file has not arrived. Choose the file again and send it."
        )
        return _show_form(request, row, status=HTTPStatus.CONFLICT)
    except InvalidState:
        pass  # The upload has ended. Its page shows the reason.
    except StorageError as error:
        return render(
            request,
            "send_later.html",
            {"upload": row, "usage": quota.usage(request.user)},
            status=_status(error),
        )
    return redirect("upload", row.pk)


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


def _message(error: UploadError, room: int, request: HttpRequest) -> str:
    """Return the message about a refusal, with sizes such as "5 GB"."""
    usage = quota.usage(request.user)
    if isinstance(error, FileTooLarge):
        most = min(policy_for(request.user).max_file_size, lifecycle.MAX_FORM_BYTES)
        return (
            f"This size is too large. On this page, you may send files of up to "
            f"{format_bytes(most)}."
        )
    if isinstance(error, QuotaExceeded) and usage.free_files > 0:
        return (
            f"You do not have enough space for a file of up to {format_bytes(room)}: "
            f"{format_bytes(usage.free_bytes)} of your {format_bytes(usage.limit_bytes)} are "
            "free. Choose a smaller size, or delete a file first."
        )
    return error.detail


def _status(error: UploadError) -> int:
    for kind, status in PAGE_STATUS.items():
        if isinstance(error, kind):
            return status
    return HTTPStatus.CONFLICT
