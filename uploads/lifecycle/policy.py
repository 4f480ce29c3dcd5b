"""Finds the upload policy of an account, and checks files by this policy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from uploads.conf import options
from uploads.errors import ContentTypeNotAllowed, FileTooLarge
from uploads.inspection.active_content import SVG
from uploads.inspection.content_types import (
    OLE,
    PACKED,
    UNCLAIMED,
    belongs_to,
    canonical,
    family_of,
)
from uploads.inspection.disguises import is_runnable
from uploads.inspection.extensions import extension_of
from uploads.inspection.guesses import type_of
from uploads.models import UploadPolicy

ANY = "*/*"
_CONTAINERS = frozenset({PACKED, OLE, "application/gzip", "application/x-tar"})
_SAID_OF_MANY = UNCLAIMED | {"text/plain"}
_GROUPS = {
    "application": frozenset({"archive", "data", "document", "program"}),
    "audio": frozenset({"media"}),
    "video": frozenset({"media"}),
}


@dataclass(frozen=True)
class Policy:
    """The limits for each file of an account. ``max_file_size`` is in bytes."""

    max_file_size: int
    allowed_content_types: tuple[str, ...]

    @property
    def restricts_types(self) -> bool:
        return ANY not in self.allowed_content_types

    def check(
        self,
        *,
        byte_size: int,
        content_type: str,
        filename: str = "",
        detected_type: str | None = None,
    ) -> None:
        """Raise FileTooLarge or ContentTypeNotAllowed if the file exceeds a limit.

        ``detected_type`` is None if no detection ran. It is empty if libmagic did not
        recognise the type. If ``content_type`` is empty, this method checks only the
        size.
        """
        if byte_size > self.max_file_size:
            raise FileTooLarge(
                f"The file has {byte_size} bytes; at most {self.max_file_size} "
                "are allowed."
            )
        if content_type:
            self.check_content(filename, content_type, detected_type)

    def check_content(
        self, filename: str, content_type: str, detected_type: str | None
    ) -> None:
        """Raise ContentTypeNotAllowed if the policy does not allow the content.

        The content must meet two conditions. First, the policy must allow the detected
        type, the declared type or the type of the extension. Second, the detected type
        must belong to an allowed family, which is a group of types such as document or
        image. If the detected type is a container such as ZIP, or a text, the family of
        the extension counts too.

        If ``detected_type`` is None, only the declared type and the extension count. If
        ``detected_type`` is empty, this method refuses the content.
        """
        if not self.restricts_types:
            return
        if detected_type is None:
            self._require_fit(filename, content_type)
            return
        if not detected_type:
            raise self._refusal("The type of this file could not be recognised.")
        found = _families(filename, detected_type)
        claimed = [*_claimed(filename, content_type), canonical(detected_type)]
        if found.isdisjoint(self._families) or not self._admits(filename, claimed):
            raise self._refusal(
                f"Files of type {detected_type} may not be uploaded here."
            )

    def allows(self, content_type: str) -> bool:
        """Return whether the policy lists the type or a wildcard that matches it."""
        group = content_type.partition("/")[0]
        wildcards = {ANY, f"{group}/*"}
        return bool(wildcards.intersection(self.allowed_content_types)) or self._lists(
            content_type
        )

    @property
    def _families(self) -> frozenset[str]:
        found: set[str] = set()
        for pattern in self.allowed_content_types:
            group, _, subtype = pattern.partition("/")
            if subtype == "*":
                found |= _GROUPS.get(group, {group})
            else:
                found.add(family_of(pattern))
        return frozenset(found)

    def _require_fit(self, filename: str, content_type: str) -> None:
        claimed = _claimed(filename, content_type)
        if not self._admits(filename, claimed or [content_type]):
            named = (*claimed, content_type)[0]
            raise self._refusal(f"Files of type {named} may not be uploaded here.")

    def _admits(self, filename: str, types: Iterable[str]) -> bool:
        """Return whether the policy allows one of the types.

        Some files run on a double click. The policy must list their exact type, because
        wildcards do not allow such files.
        """
        if is_runnable(filename):
            own = type_of(filename)
            return own not in _SAID_OF_MANY and self._lists(own)
        return any(self.allows(content_type) for content_type in types)

    def _lists(self, content_type: str) -> bool:
        return canonical(content_type) in map(canonical, self.allowed_content_types)

    def _refusal(self, what: str) -> ContentTypeNotAllowed:
        allowed = ", ".join(self.allowed_content_types)
        return ContentTypeNotAllowed(f"{what} Allowed: {allowed}.")


def _claimed(filename: str, content_type: str) -> list[str]:
    claimed = [content_type, type_of(filename) if filename else ""]
    if extension_of(filename) == "svgz":  # many systems declare this type as gzip
        claimed.append(SVG)
    return [claim for claim in claimed if claim not in UNCLAIMED]


def _families(filename: str, detected_type: str) -> frozenset[str]:
    detected = canonical(detected_type)
    found = {family_of(detected)}
    # The detected type of a document may be ZIP, OLE or text. So add the family of the
    # extension. For example, some banks send HTML files with the extension .xls.
    extension = extension_of(filename)
    if detected in _CONTAINERS or detected.startswith("text/"):
        found.add(belongs_to(extension))
    # libmagic reports XML for an SVG that starts with a long comment, so add "image".
    if extension == "svg" and detected in {"text/xml", "text/html"}:
        found.add("image")
    return frozenset(found - {""})


def policy_for(owner: Any) -> Policy:
    """Return the policy that applies to ``owner``.

    Each limit comes from the account's own row, else from its groups, else from the
    settings. If several groups have a limit, the largest size applies. A type is
    allowed if one of these groups allows it.
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
