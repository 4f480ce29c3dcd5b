"""The registry: which families of questions there are, and their order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from uploads.doctor.connection import ask_connection
from uploads.doctor.cors import ask_cors
from uploads.doctor.examination import Examination
from uploads.doctor.results import Finding, Status, group, skip


@dataclass(frozen=True)
class Family:
    """Questions of one kind. They are asked only if all that they need is sound."""

    name: str
    title: str
    ask: Callable[[Examination], Iterator[Finding]]
    needs: tuple[str, ...] = ()


FAMILIES = (
    Family("connection", "Connection to the bucket", ask_connection),
    Family("cors", "CORS and the page's policy", ask_cors, needs=("connection",)),
)


def names() -> list[str]:
    """Return the names of all families."""
    return [family.name for family in FAMILIES]


def examine(
    examination: Examination,
    *,
    only: Iterable[str] = (),
    without: Iterable[str] = (),
) -> Iterator[Finding]:
    """Yield one finding for each family, with its answers below it.

    Probe objects are deleted at the end, also when the caller stops early.
    """
    chosen, left_out = set(only), set(without)
    try:
        for family in FAMILIES:
            if (chosen and family.name not in chosen) or family.name in left_out:
                continue
            found = _answers(family, examination)
            if found.status == Status.FAIL:
                examination.failed.add(family.name)
            yield found
    finally:
        examination.clear_quietly()


def _answers(family: Family, examination: Examination) -> Finding:
    broken = [name for name in family.needs if name in examination.failed]
    if broken:
        reason = f"Not asked, because {', '.join(broken)} failed."
        return group(
            family.name, family.title, [skip(f"{family.name}.all", "All", reason)]
        )
    return group(family.name, family.title, list(family.ask(examination)))
