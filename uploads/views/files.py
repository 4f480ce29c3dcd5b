"""The upload page, and the page of one upload."""

from __future__ import annotations

import uuid
from dataclasses import asdict

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from uploads import lifecycle
from uploads.conf import options
from uploads.errors import UploadError
from uploads.forms import PlainUploadForm, RenameForm
from uploads.inspection.extensions import RUNNABLE
from uploads.lifecycle import quota
from uploads.lifecycle.capabilities import capabilities
from uploads.lifecycle.checksums import offered, page_uses_forms
from uploads.lifecycle.policy import policy_for
from uploads.models import Upload
from uploads.states import State
from uploads.views.paying import spend
from uploads.views.wording import describe, describe_checksum, tell

PLAIN_LIST_LENGTH = 50
"""Number of newest files that the page lists for browsers without JavaScript."""


@require_safe
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    """Show the upload page. Its script fetches the list of files from the API."""
    return show_home(request)


def show_home(
    request: HttpRequest, *, form: PlainUploadForm | None = None, status: int = 200
) -> HttpResponse:
    """Render the upload page, with a list and a form for browsers without JavaScript."""
    usage = quota.usage(request.user)
    policy = policy_for(request.user)
    page_data = {
        "user": str(request.user.pk),
        "username": request.user.get_username(),
        "csrfCookie": settings.CSRF_COOKIE_NAME,
        "runnableEndings": sorted(RUNNABLE),
        "putLimit": options().min_part_bytes,
        "checksumAlgorithm": offered().algorithm.value,
        "usesForms": page_uses_forms(),
        "bucketHosts": 1 + len(options().s3_public_endpoints),
        "quota": asdict(usage),
        "policy": asdict(policy),
    }
    visible = Upload.objects.filter(owner_id=request.user.pk).visible()
    context = {
        "usage": usage,
        "page_data": page_data,
        "no_forms": lifecycle.NO_FORMS if capabilities().lacks_forms else "",
        "form": form or PlainUploadForm(usage=usage, policy=policy),
        "listed": [(row, describe(row)) for row in visible.newest(PLAIN_LIST_LENGTH)],
        "list_length": PLAIN_LIST_LENGTH,
    }
    return render(request, "home.html", context, status=status)


@require_safe
@never_cache
def upload(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """Show one upload: its facts, its history, and the possible actions."""
    row = own_upload(request, upload_id)
    return render(
        request,
        "upload.html",
        {
            "upload": row,
            "usage": quota.usage(request.user),
            "state": describe(row),
            "checksum": describe_checksum(row),
            "note": lifecycle.note_on(row),
            "has_preview": row.state == State.READY and lifecycle.may_show_inline(row),
            "history": tell(row, reader=request.user),
        },
    )


@require_POST
def rename(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """Rename an upload and return to its page."""
    spend(request, "change")
    row = own_upload(request, upload_id)
    form = RenameForm(request.POST)
    if not form.is_valid():
        [words] = form.errors["filename"]
        messages.error(request, f"The file was not renamed. {words}")
        return redirect("upload", row.pk)
    try:
        lifecycle.rename(row, form.cleaned_data["filename"], actor=request.user)
    except UploadError as error:
        messages.error(request, f"The file was not renamed. {error.detail}")
    return redirect("upload", row.pk)


@require_POST
def request_release(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """Request the release of a refused file from quarantine, and return to its page."""
    spend(request, "change")
    row = own_upload(request, upload_id)
    try:
        lifecycle.request_release(row, actor=request.user)
    except UploadError as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, "You have asked the operators to release this file.")
    return redirect("upload", row.pk)


@require_POST
def delete(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """Delete an upload, or cancel a pending one, and return to the list."""
    spend(request, "change")
    row = own_upload(request, upload_id)
    try:
        lifecycle.remove(row, actor=request.user)
    except UploadError as error:
        messages.error(request, error.detail)
        return redirect("upload", row.pk)
    messages.success(request, f"{row.filename} is deleted.")
    return redirect("home")


def own_upload(request: HttpRequest, upload_id: uuid.UUID) -> Upload:
    """Return the user's upload. Raises Http404 if the user has no such upload."""
    return get_object_or_404(Upload, pk=upload_id, owner=request.user)
