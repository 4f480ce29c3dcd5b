"""Export the list of a user's own files as CSV."""

from __future__ import annotations

from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from uploads.models import Upload
from uploads.text.spreadsheets import LINES_A_CHUNK, chunks

FIELDS = (
    *("filename", "relative_path", "byte_size", "content_type", "detected_type"),
    *("checksum_sha256", "checksum_crc64nvme", "state", "created_at", "completed_at"),
)


@require_safe
def uploads_csv(request: HttpRequest) -> StreamingHttpResponse:
    """Stream the list of the user's files as CSV, newest first."""
    rows = Upload.objects.filter(owner=request.user.pk).visible().newest_first()
    rows = rows.only("pk", *FIELDS)
    response = StreamingHttpResponse(
        chunks(FIELDS, rows.iterator(chunk_size=LINES_A_CHUNK)),
        content_type="text/csv; charset=utf-8",
    )
    filename = f"files-{timezone.localdate()}.csv"
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response
