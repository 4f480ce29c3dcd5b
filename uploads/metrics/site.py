"""Defines the metrics of the whole site. Their values come from the database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric


class Figure(NamedTuple):
    """Contains one value of a metric, with the values of its labels."""

    name: str
    value: float
    labels: tuple[str, ...] = ()


class _Family(NamedTuple):
    help: str
    labels: tuple[str, ...] = ()
    is_counter: bool = False


UP = "slipway_site_up"
FAMILIES = {
    UP: _Family("1 if the database answers, 0 if it does not."),
    "slipway_site_upload_moves": _Family(
        "Uploads that have entered a state, as counted by the last sweep.",
        ("state", "transport", "reason"),
        is_counter=True,
    ),
    "slipway_site_upload_bytes": _Family(
        "Bytes of uploads that have entered a state, as counted by the last sweep.",
        ("state", "transport"),
        is_counter=True,
    ),
    "slipway_site_files": _Family("Stored files."),
    "slipway_site_used_bytes": _Family("Bytes of all stored files."),
    "slipway_site_reserved_bytes": _Family("Bytes reserved for unfinished uploads."),
    "slipway_site_unfinished_uploads": _Family(
        "Uploads in the state pending or inspecting, by state.", ("state",)
    ),
    "slipway_site_unfinished_bytes": _Family(
        "Bytes of the uploads that are pending or inspecting, by state.", ("state",)
    ),
    "slipway_site_oldest_unfinished_seconds": _Family(
        "Age of the oldest upload that is pending or inspecting, by state.", ("state",)
    ),
    "slipway_site_overdue_uploads": _Family(
        "Pending uploads past their deadline that the sweeper has not processed."
    ),
    "slipway_site_parked_notifications": _Family(
        "Notifications that the site could not process."
    ),
    "slipway_site_orphans": _Family(
        "Objects without a row that the sweeper has found and not yet deleted."
    ),
    "slipway_site_job_age_seconds": _Family(
        "Seconds since the end of a job's last run.", ("job",)
    ),
    "slipway_site_job_seconds": _Family("Duration of a job's last run.", ("job",)),
    "slipway_site_sweep_rows": _Family(
        "Rows that the last sweep processed, by result.", ("result",)
    ),
    "slipway_site_audit_differences": _Family("Differences that the last audit found."),
    "slipway_site_audit_orphans": _Family(
        "Objects without a row that the last audit found."
    ),
    "slipway_site_notification_age_seconds": _Family(
        "Seconds since the site processed the last notification."
    ),
    "slipway_site_notification_delay_seconds": _Family(
        "Seconds from the last event in S3 until the site processed its notification."
    ),
    "slipway_site_doctor_findings": _Family(
        "Findings of the doctor's last complete run, by status.", ("status",)
    ),
}


def families(figures: Iterator[Figure]) -> Iterator[Metric]:
    """Yield all metrics of the site, with the values in ``figures``."""
    made: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
    for name, family in FAMILIES.items():
        kind = CounterMetricFamily if family.is_counter else GaugeMetricFamily
        made[name] = kind(name, family.help, labels=family.labels)
    for figure in figures:
        made[figure.name].add_metric(figure.labels, figure.value)
    yield from made.values()
