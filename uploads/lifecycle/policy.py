"""What one account may upload: the site's default, its groups' and its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from uploads.conf import ACTIVE_CONTENT_TYPES, options
from uploads.errors import ContentTypeNotAllowed, FileTooLarge
from uploads.models import UploadPolicy


@dataclass(frozen=True)
class Policy:
    """Limits on a single file; ``max_file_size`` in bytes."""

    max_file_size: int
    allowed_content_types: tuple[str, ...]

    def check(self, *, byte_size: int, content_type: str) -> None:
        """Raise FileTooLarge or ContentTypeNotAllowed, naming the limit.

        An empty ``content_type`` is one that is not known yet.
        """
        if byte_size > self.max_file_size:
            raise FileTooLarge(
                f"The file has {byte_size} bytes; at most {self.max_file_size} "
                "are allowed."
            )
        if content_type and not self.allows(content_type):
            raise ContentTypeNotAllowed(
                f"Files of type {content_type} may not be uploaded. Allowed: "
                f"{', '.join(self.allowed_content_types)}."
            )

    def allows(self, content_type: str) -> bool:
        """Return whether the type is listed, or matched by a wildcard.

        A wildcard never admits a type that a browser may run.
        """
        if content_type in self.allowed_content_types:
            return True
        if content_type in ACTIVE_CONTENT_TYPES or content_type.endswith("+xml"):
            return False
        family = content_type.partition("/")[0]
        return bool({"*/*", f"{family}/*"}.intersection(self.allowed_content_types))


def policy_for(owner: Any) -> Policy:
    """Return the policy in force for ``owner``.

    The account's own row wins; of several groups the most generous counts.
    """
    rows = list(
        UploadPolicy.objects.filter(Q(user=owner) | Q(group__user=owner)).order_by("pk")
    )
    own = [row for row in rows if row.user_id is not None]
    groups = [row for row in rows if row.user_id is None]
    return Policy(
        max_file_size=_max_file_size(own, groups),
        allowed_content_types=_allowed_content_types(own, groups),
    )


def _max_file_size(own: list[UploadPolicy], groups: list[UploadPolicy]) -> int:
    for rows in (own, groups):
        sizes = [row.max_file_size for row in rows if row.max_file_size is not None]
        if sizes:
            return max(sizes)
    return options().max_file_size


def _allowed_content_types(
    own: list[UploadPolicy], groups: list[UploadPolicy]
) -> tuple[str, ...]:
    for rows in (own, groups):
        lists = [
            row.allowed_content_types
            for row in rows
            if row.allowed_content_types is not None
        ]
        if lists:
            return tuple(dict.fromkeys(name for names in lists for name in names))
    return options().allowed_content_types
