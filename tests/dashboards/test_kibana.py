"""The Kibana file: current, importable over itself, and about fields that exist."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from dashboards.kibana.building import PANELS_MAX, PREFIX, TYPE_VERSIONS, Chart, Page, Table
from dashboards.kibana.files import GENERATED, queries, rendered_files
from dashboards.kibana.pages import pages
from monitor.exporters.templates import MAPPINGS, PLAIN, templates
from monitor.metrics.registry import STANDARD

every_page = pytest.mark.parametrize("page", pages(STANDARD), ids=lambda page: page.name)


def objects() -> list[dict[str, Any]]:
    return [json.loads(line) for line in rendered_files()["outrider.ndjson"].splitlines()]


def mapped_fields(properties: dict[str, Any], prefix: str = "") -> set[str]:
    found: set[str] = set()
    for name, field in properties.items():
        found |= mapped_fields(field["properties"], f"{prefix}{name}.") if "properties" in field else {prefix + name}
    return found


def test_the_committed_file_is_current() -> None:
    """After a change: python -m dashboards.kibana."""
    assert {path.name: path.read_text() for path in GENERATED.glob("*.ndjson")} == rendered_files()


def test_every_field_in_a_search_is_mapped() -> None:
    """A renamed field cannot leave an empty chart behind."""
    mapped = mapped_fields(templates(PLAIN).components[MAPPINGS]["template"]["mappings"]["properties"])
    for _, title, _, body in queries():
        used = set(re.findall(r"outrider(?:\.[a-z_]+)+", json.dumps(body)))
        assert used <= mapped, (title, used - mapped)


def test_every_metric_with_values_of_its_own_kind_is_shown() -> None:
    """Kinds come from the registry: a metric that is added finds its chart or its table."""
    text = json.dumps([body for _, _, _, body in queries()])
    assert [m.name for m in STANDARD if f'"{m.name}"' not in text and f'"{m.kind.value}"' not in text] == []


def test_ids_are_ours_and_unique() -> None:
    """Importing again overwrites our objects and nobody else's."""
    ids = [(one["type"], one["id"]) for one in objects()]
    assert len(ids) == len(set(ids))
    assert all(identity.startswith(PREFIX) for _, identity in ids)


def test_every_reference_is_in_the_file_before_it_is_needed() -> None:
    """No object hangs in the air."""
    seen: set[tuple[str, str]] = set()
    for one in objects():
        assert {(r["type"], r["id"]) for r in one["references"]} <= seen
        seen.add((one["type"], one["id"]))


def test_every_object_says_its_version() -> None:
    """Kibana refuses objects from a future; ours are of the oldest version that we support."""
    assert {(one["type"], one["typeMigrationVersion"]) for one in objects()} == set(TYPE_VERSIONS.items())


@every_page
def test_a_page_is_read_at_a_glance(page: Page) -> None:
    """At most five panels, and the page finds every one of them by its reference."""
    assert 1 <= len(page.panels) <= PANELS_MAX
    (made,) = [one for one in objects() if one["type"] == "dashboard" and one["id"] == PREFIX + page.name]
    layout = json.loads(made["attributes"]["panelsJSON"])
    names = [f"{panel['panelIndex']}:{panel['panelRefName']}" for panel in layout]
    assert names == [reference["name"] for reference in made["references"]]


@every_page
def test_charts_leave_the_time_range_to_the_page(page: Page) -> None:
    """With Kibana's context a body has no query of its own; what a chart is about is a filter inside."""
    for panel in page.panels:
        if isinstance(panel, Chart):
            assert "query" not in panel.body
            assert "filter" in panel.body["aggs"]["only"]


@every_page
def test_tables_say_the_same_in_both_languages(page: Page) -> None:
    """What Kibana's language selects is what our search body selects."""
    for panel in page.panels:
        if isinstance(panel, Table):
            (made,) = [one for one in objects() if one["type"] == "search" and one["id"] == PREFIX + panel.name]
            kuery = json.loads(made["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])["query"]["query"]
            assert set(re.findall(r"(outrider\.[a-z]+): ", kuery)) == set(panel.where)


def test_specs_are_json_inside_json() -> None:
    """Each layer parses."""
    for one in objects():
        if one["type"] == "visualization":
            state = json.loads(one["attributes"]["visState"])
            assert json.loads(state["params"]["spec"])["data"]["url"]["%timefield%"] == "@timestamp"
