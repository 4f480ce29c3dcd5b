"""Filters whose choices are known: none asks the table which values it has."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from uploads.states import State, Transport

MIB = 1024**2
GIB = 1024**3


class ScanningFilter(SimpleListFilter):
    """A filter without an index: the list applies ``condition`` to its newest rows."""

    choices_in_words: tuple[tuple[str, str], ...] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return self.choices_in_words

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Leave the rows alone: UploadChangeList narrows them last."""
        return queryset

    def condition(self) -> Q:
        """Return what the chosen value asks of a row; an unknown value, nothing."""
        known = {value for value, _ in self.choices_in_words}
        value = self.value()
        return self.condition_for(value) if value in known else Q()

    def condition_for(self, value: str) -> Q:
        raise NotImplementedError


class TypeFilter(ScanningFilter):
    title = "type"
    parameter_name = "type"
    choices_in_words = (
        ("image", "Images"),
        ("video", "Video"),
        ("audio", "Audio"),
        ("text", "Text"),
        ("application", "Documents and programs"),
        ("font", "Fonts"),
    )

    def condition_for(self, value: str) -> Q:
        return Q(content_type__startswith=f"{value}/")


class TransportFilter(ScanningFilter):
    title = "transport"
    parameter_name = "transport"
    choices_in_words = tuple((value.value, str(value.label)) for value in Transport)

    def condition_for(self, value: str) -> Q:
        return Q(transport=value)


class SizeFilter(ScanningFilter):
    title = "size"
    parameter_name = "size"
    choices_in_words = (
        ("empty", "Empty"),
        ("small", "Up to 16 MB"),
        ("medium", "16 MB to 1 GB"),
        ("large", "Over 1 GB"),
    )

    def condition_for(self, value: str) -> Q:
        return {
            "empty": Q(byte_size=0),
            "small": Q(byte_size__gt=0, byte_size__lte=16 * MIB),
            "medium": Q(byte_size__gt=16 * MIB, byte_size__lte=GIB),
            "large": Q(byte_size__gt=GIB),
        }[value]


class KindFilter(SimpleListFilter):
    title = "kind"
    parameter_name = "kind"

    KINDS = (
        "upload.started",
        *(f"upload.{state.value}" for state in State if state != State.PENDING),
        "upload.renamed",
        "upload.downloaded",
        "upload.previewed",
        "upload.reverified",
        "upload.purged",
        "token.created",
        "token.revoked",
    )

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [
            (kind, kind.removeprefix("upload.").replace(".", " ").capitalize())
            for kind in self.KINDS
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(kind=self.value()) if self.value() else queryset
