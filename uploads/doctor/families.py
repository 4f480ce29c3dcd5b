"""Lists all families of questions, and runs them in this order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from uploads.doctor.bucket_settings import ask_settings
from uploads.doctor.connection import ask_connection
from uploads.doctor.contract import ask_contract
from uploads.doctor.cors import ask_cors
from uploads.doctor.credentials import ask_credentials
from uploads.doctor.examination import Examination
from uploads.doctor.notifications import ask_notifications
from uploads.doctor.results import Finding, Status, group, skip
from uploads.doctor.site import ask_site


@dataclass(frozen=True)
class Family:
    """Describes a family: a group of questions of one kind.

    ``needs`` names other families. If one of them has failed, this family is skipped.
    """

    name: str
    title: str
    ask: Callable[[Examination], Iterator[Finding]]
    needs: tuple[str, ...] = ()


FAMILIES = (
    Family("connection", "Connection to the bucket", ask_connection),
    Family("credentials", "Identities", ask_credentials, needs=("connection",)),
    Family("contract", "Limits of upload URLs", ask_contract, needs=("connection",)),
    Family("cors", "CORS and the page's policy", ask_cors, needs=("connection",)),
    Family("notifications", "Notifications", ask_notifications, needs=("connection",)),
    Family("settings", "Settings of the bucket", ask_settings, needs=("connection",)),
    Family("site", "The site itself", ask_site),
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
    """Run the families, and yield one finding for each family.

    The findings of its questions are the children of this finding. ``only`` and
    ``without`` select families by name. At the end, or if the caller stops early, this
    function deletes the probe objects in the bucket.
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
        failed = ", ".join(broken)
        reason = (
            "The doctor skipped these tests, because a test in this group failed: "
            f"{failed}."
        )
        return group(
            family.name,
            family.title,
            [skip(f"{family.name}.all", "All tests of this group", reason)],
        )
    return group(family.name, family.title, list(family.ask(examination)))
