"""Merges our rules into the existing rules of a bucket, and lists the changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from uploads.s3.wanted.documents import Document

_UNORDERED = {
    "AllowedOrigins",
    "AllowedMethods",
    "AllowedHeaders",
    "ExposeHeaders",
    "Events",
    "EncryptionType",
    "Action",
    "NotAction",
    "Resource",
}


@dataclass(frozen=True)
class Change:
    """Contains one value of a document, before and after a change.

    ``before`` is empty if the value is new. ``after`` is empty if the value is removed.
    """

    path: str
    before: str
    after: str


def put_rule(
    rules: Sequence[Document],
    rule: Document,
    *,
    is_ours: Callable[[Document], bool],
) -> list[Document]:
    """Return a copy of ``rules`` in which ``rule`` replaces our existing rule.

    If no existing rule is ours, this function appends ``rule``.
    """
    kept: list[Document] = []
    is_placed = False
    for found in rules:
        if not is_ours(found):
            kept.append(found)
        elif not is_placed:
            is_placed = True
            kept.append(found if same(found, rule) else rule)
    return kept if is_placed else [*kept, rule]


def same(found: Any, wanted: Any) -> bool:
    """Return whether the normal forms of two documents are equal."""
    return bool(normal(found) == normal(wanted))


def differences(found: Any, wanted: Any) -> list[Change]:
    """Return the values that differ between two documents, ordered by path."""
    before, after = dict(_leaves(normal(found))), dict(_leaves(normal(wanted)))
    return [
        Change(path, before.get(path, ""), after.get(path, ""))
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    ]


def normal(document: Any, name: str = "") -> Any:
    """Return a document in normal form.

    In normal form, the members are sorted. Lists without a meaningful order are sorted
    too. Empty values and default values are removed.
    """
    if isinstance(document, dict):
        plain = {key: normal(value, key) for key, value in document.items()}
        plain = _current_filter(plain)
        return {
            key: value
            for key, value in sorted(plain.items())
            if value not in ({}, [], None, "") and (key, value) not in _DEFAULTS
        }
    if name in _UNORDERED and not isinstance(document, list):
        document = [document]
    if isinstance(document, list):
        entries = [normal(entry) for entry in document]
        if name == "AllowedHeaders":
            entries = [entry.lower() for entry in entries]
        return sorted(entries, key=str) if name in _UNORDERED else entries
    if name == "Principal" and document == "*":
        return {"AWS": "*"}
    return document


_DEFAULTS = [
    ("BucketKeyEnabled", False),
    ("TransitionDefaultMinimumObjectSize", "all_storage_classes_128K"),
]
"""Default values that some servers add. A missing value has the same meaning."""


def _current_filter(document: Document) -> Document:
    """Return a lifecycle rule with its prefix in ``Filter``.

    In the older form of these rules, ``Prefix`` is a member of the rule itself.
    """
    if "Status" in document and "Prefix" in document:
        rest = {key: value for key, value in document.items() if key != "Prefix"}
        return rest | {"Filter": {"Prefix": document["Prefix"]}}
    return document


def _leaves(document: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(document, dict):
        for key, value in document.items():
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    elif isinstance(document, list) and any(isinstance(e, dict) for e in document):
        for number, entry in enumerate(document):
            yield from _leaves(entry, f"{path}[{_name_of(entry, number)}]")
    elif document is not None:
        yield path, _text(document)


def _name_of(entry: Any, number: int) -> str:
    names = entry if isinstance(entry, dict) else {}
    return str(names.get("ID") or names.get("Id") or names.get("Sid") or number)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return json.dumps(value, default=str)
