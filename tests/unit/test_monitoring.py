"""The dashboard and the alert rules use only metrics that the site exports."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from uploads.metrics.instruments import REGISTRY
from uploads.metrics.site import FAMILIES

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = json.loads((ROOT / "infra" / "grafana" / "slipway.json").read_text())
RULES = yaml.safe_load((ROOT / "infra" / "prometheus" / "alerts.yml").read_text())
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()

HISTOGRAM = ("_bucket", "_sum", "_count")
LABELS = re.compile(r"by \(([^)]*)\)|[{,]\s*(\w+)\s*=~?")


def exported() -> dict[str, set[str]]:
    """Return the labels of each exported metric under its name in Prometheus."""
    names: dict[str, set[str]] = {}
    for collector in REGISTRY._collector_to_names:
        metric: Any = collector
        name, labels = metric._name, set(metric._labelnames)
        if metric._type == "histogram":
            names |= {name + suffix: labels for suffix in HISTOGRAM}
            names[f"{name}_bucket"] = labels | {"le"}
        else:
            names[f"{name}_total"] = labels
    for name, family in FAMILIES.items():
        suffix = "_total" if family.is_counter else ""
        names[name + suffix] = set(family.labels)
    return names


def panels() -> Iterator[Any]:
    for panel in DASHBOARD["panels"]:
        yield panel
        yield from panel.get("panels", [])


QUERIES = {
    **{
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in panels()
        for target in panel.get("targets", [])
    },
    **{
        rule["alert"]: rule["expr"]
        for group in RULES["groups"]
        for rule in group["rules"]
    },
}


@pytest.mark.parametrize("title", QUERIES)
def test_query_uses_only_existing_metrics_and_labels_of_these_metrics(
    title: str,
) -> None:
    query = QUERIES[title]
    names = set(re.findall(r"\bslipway_\w+", query))
    known = exported()

    assert names, query
    assert names - known.keys() == set()
    allowed = set.union(*(known[name] for name in names))
    used = {
        label.strip()
        for several, one in LABELS.findall(query)
        for label in (several or one).split(",")
    }
    assert used - allowed == set()
    assert query.count("(") == query.count(")")


def test_dashboard_shows_every_metric() -> None:
    shown = set(re.findall(r"\bslipway_\w+", " ".join(QUERIES.values())))
    families = {
        next((name[: -len(s)] for s in HISTOGRAM if name.endswith(s)), name)
        for name in exported()
    }

    assert {
        family
        for family in families
        if not any(name.startswith(family) for name in shown)
    } <= {"slipway_site_upload_bytes_total", "slipway_site_oldest_unfinished_seconds"}


def test_panels_have_titles_ids_and_do_not_overlap() -> None:
    places: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not places & cells, panel["title"]
        places |= cells
    ids = [panel["id"] for panel in panels()]
    assert len(ids) == len(set(ids))
    assert len(QUERIES) == sum(len(p.get("targets", [])) for p in panels()) + sum(
        len(group["rules"]) for group in RULES["groups"]
    )


def test_alerts_have_a_summary_and_a_next_step() -> None:
    for group in RULES["groups"]:
        for rule in group["rules"]:
            assert rule["labels"]["severity"] in {"critical", "warning"}
            assert rule["annotations"]["summary"].endswith("."), rule["alert"]
            assert rule["annotations"]["description"], rule["alert"]


def test_every_metric_is_documented() -> None:
    families = {
        next((name[: -len(s)] for s in HISTOGRAM if name.endswith(s)), name)
        for name in exported()
    }

    assert sorted(name for name in families if f"`{name}`" not in OPERATIONS) == []
