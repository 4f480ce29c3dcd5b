"""The fields on the admin's page of one upload, in the order of the page."""

from __future__ import annotations

from typing import Any

FACTS: tuple[tuple[str | None, Any], ...] = (
    (None, {"fields": ("filename", "relative_path", "owner_link", "state_label")}),
    (
        "Content",
        {
            "fields": (
                "exact_size",
                "content_type",
                "detected_type",
                "note_text",
                "rejected_reason",
                "waiting_reason",
                "rejected_cause",
                "quarantine_key",
                "release_requested_at",
                "released_as_link",
                "released_from_link",
                "checksum_algorithm",
                "checksum_sha256",
                "checksum_crc64nvme",
                "object_checksum",
                "checksum_verified_by",
                "last_modified",
                "fingerprint",
            )
        },
    ),
    (
        "Times",
        {
            "fields": (
                "created_at",
                "expires_at",
                "urls_expire_at",
                "completed_at",
                "checked_at",
                "retry_at",
                "claimed_until",
                "is_inspected_later",
                "replaceable_until",
                "failed_checks",
                "faults",
                "purged_at",
            )
        },
    ),
    (
        "Storage",
        {
            "fields": (
                "id",
                "key",
                "transport",
                "parts",
                "multipart_id",
                "etag",
                "version_id",
                "idempotency_key",
            )
        },
    ),
)
