"""Print the list of a user's files as CSV."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from uploads.models import Upload
from uploads.text.spreadsheets import LINES_A_CHUNK, chunks

FIELDS = (
    *("id", "filename", "relative_path", "byte_size", "content_type"),
    *("detected_type", "checksum_sha256", "checksum_crc64nvme", "state", "key"),
    *("created_at", "completed_at"),
)


class Command(BaseCommand):
    help = "Print the list of a user's files as CSV. The newest file comes first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        users = get_user_model()
        name = options["username"]
        user = users.objects.filter(**{users.USERNAME_FIELD: name}).first()
        if user is None:
            raise CommandError(f"There is no user {name!r}.", returncode=2)
        rows = Upload.objects.filter(owner=user).visible().newest_first()
        rows = rows.only("pk", *FIELDS)
        for chunk in chunks(FIELDS, rows.iterator(chunk_size=LINES_A_CHUNK)):
            self.stdout.write(chunk, ending="")
