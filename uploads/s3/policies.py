"""Signs POST policies. A policy lists the conditions that a form must meet."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime

from uploads.s3.signature import ALGORITHM, SLOT, Scope

FIELDS_OF_OBJECT = {
    "key": SLOT,
    "Content-Type": SLOT,
    "Content-Disposition": "attachment",
    "x-amz-checksum-algorithm": "SHA256",
    "x-amz-checksum-sha256": SLOT,
    "success_action_status": "201",
}
"""The pinned fields of a form that sends one declared file."""

_quoted = json.JSONEncoder().encode


class FormSigner:
    """Signs many forms that differ in a few values, and computes the rest once.

    S3 accepts a form only with exactly the values in ``pinned``. In ``pinned``, SLOT
    replaces each value that differs between the forms. The fields in ``left_open`` may
    have any value.
    """

    def __init__(
        self,
        *,
        bucket_name: str,
        pinned: Mapping[str, str],
        scope: Scope,
        expires_at: datetime,
        left_open: Mapping[str, str] | None = None,
    ) -> None:
        left_open = left_open or {}
        fixed = {**pinned, **_credential_fields(scope)}
        conditions = [
            {"bucket": bucket_name},
            ["content-length-range", SLOT, SLOT],
            *(["eq", f"${name}", value] for name, value in fixed.items()),
            *(["starts-with", f"${name}", ""] for name in left_open),
        ]
        document = json.dumps(
            {
                "expiration": f"{expires_at:%Y-%m-%dT%H:%M:%SZ}",
                "conditions": conditions,
            }
        )
        self._document = document.replace("%", "%%").replace(_quoted(SLOT), "%s")
        self._fields = {**fixed, **left_open}
        self._sign = scope.sign

    def fields(
        self, own: Mapping[str, str], *, length: tuple[int, int]
    ) -> dict[str, str]:
        """Return the fields of a form for a file with a size in the range ``length``.

        ``own`` has the values for SLOT, in the order of the fields.
        """
        document = self._document % (*length, *map(_quoted, own.values()))
        policy = base64.b64encode(document.encode()).decode()
        signed = {"policy": policy, "x-amz-signature": self._sign(policy)}
        return {**self._fields, **own, **signed}


def _credential_fields(scope: Scope) -> dict[str, str]:
    """Return the form fields that identify the credentials and the time of signing."""
    fields = {
        "x-amz-algorithm": ALGORITHM,
        "x-amz-credential": scope.credential,
        "x-amz-date": scope.moment,
    }
    if scope.credentials.token:
        fields["x-amz-security-token"] = scope.credentials.token
    return fields
