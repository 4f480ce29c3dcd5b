"""Metrics that are read from the database, so they cover all hosts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric


class Figure(NamedTuple):
    """One value of one metric."""

    name: str
    value: float
    labels: tuple[str, ...] = ()


class _Family(NamedTuple):
    help: str
    labels: tuple[str, ...] = ()
    is_counter: bool = False


UP = "slipway_site_up"
FAMILIES = {
    UP: _Family("1 if the database answered, else 0."),
    "slipway_site_upload_moves": _Family(
        "Uploads that entered a state, as of the last sweep.",
        ("state", "transport", "reason"),
        is_counter=True,
    ),
    "slipway_site_upload_bytes": _Family(
        "Bytes of the uploads that entered a state, as of the last sweep.",
        ("state", "transport"),
        is_counter=True,
    ),
    "slipway_site_files": _Family("Files that are stored."),
    "slipway_site_used_bytes": _Family("Bytes that are stored."),
    "slipway_site_reserved_bytes": _Family("Bytes that are reserved for uploads."),
    "slipway_site_unfinished_uploads": _Family(
        "Uploads that are pending or inspecting.", ("state",)
    ),
    "slipway_site_unfinished_bytes": _Family("Their bytes.", ("state",)),
    "slipway_site_oldest_unfinished_seconds": _Family(
        "Age of the oldest of them.", ("state",)
    ),
    "slipway_site_overdue_uploads": _Family(
        "Pending uploads past their deadline, which the sweeper has not settled."
    ),
    "slipway_site_parked_notifications": _Family("Notifications that were unreadable."),
    "slipway_site_orphans": _Family(
        "Objects without a row that the sweeper keeps for the operator."
    ),
    "slipway_site_job_age_seconds": _Family(
        "Seconds since the last run of a job ended.", ("job",)
    ),
    "slipway_site_job_seconds": _Family("Duration of the last run of a job.", ("job",)),
    "slipway_site_sweep_rows": _Family(
        "Rows of the last sweep, by result.", ("result",)
    ),
    "slipway_site_audit_differences": _Family("Differences that the last audit found."),
    "slipway_site_audit_orphans": _Family(
        "Objects without a row that the last audit found."
    ),
    "slipway_site_notification_age_seconds": _Family(
        "Seconds since a notification was processed."
    ),
    "slipway_site_notification_delay_seconds": _Family(
        "Seconds from the event to the processing of the last notification."
    ),
    "slipway_site_doctor_findings": _Family(
        "Findings of the doctor's last whole run, by status.", ("status",)
    ),
}


def families(figures: Iterator[Figure]) -> Iterator[Metric]:
    """Yield the metric families with their values."""
    made: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
    for name, family in FAMILIES.items():
        kind = CounterMetricFamily if family.is_counter else GaugeMetricFamily
        made[name] = kind(name, family.help, labels=family.labels)
    for figure in figures:
        made[figure.name].add_metric(figure.labels, figure.value)
    yield from made.values()
