"""The Grafana files: current, small enough to read, and about series that exist."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from dashboards.grafana.building import PANELS_MAX, Dashboard, render
from dashboards.grafana.files import GENERATED, rendered_files
from dashboards.grafana.registry import dashboards, queries, with_everything
from monitor.metrics.registry import STANDARD
from tests.exported import exported_names

NAME = re.compile(r"outrider_[a-z0-9_]+")
pages = pytest.mark.parametrize("page", dashboards(), ids=lambda d: d.uid)


def test_the_committed_files_are_current() -> None:
    """After a change: python -m dashboards.grafana."""
    committed = {path.name: path.read_text() for path in GENERATED.glob("*.json")}
    assert committed == rendered_files()


def test_every_series_on_a_page_is_exported() -> None:
    """A renamed metric cannot leave an empty panel behind."""
    used = {name for _, _, promql in queries() for name in NAME.findall(promql)}
    used |= {name for page in dashboards() for v in page.variables for name in NAME.findall(v.query)}
    assert used <= exported_names(), used - exported_names()


def test_every_metric_has_a_panel() -> None:
    """A metric that is added to the standard ones is shown without anyone remembering to."""
    used = {name for _, _, promql in queries() for name in NAME.findall(promql)}
    assert {metric.prometheus for metric in STANDARD} <= used


@pages
def test_a_page_is_read_at_a_glance(page: Dashboard) -> None:
    """At most five panels, each with a title, a word on how to read it, and a query."""
    assert 1 <= len(page.panels) <= PANELS_MAX
    for panel in page.panels:
        assert panel.title and panel.description and panel.queries


@pages
def test_no_data_source_is_fixed(page: Dashboard) -> None:
    """The page works with any Prometheus: the data source is a variable everywhere."""
    assert set(uids(render(page))) == {"${datasource}"}


@pages
def test_variables_are_known_and_used(page: Dashboard) -> None:
    """No query asks for a choice that the page does not offer, and none is offered in vain."""
    offered = {variable.name for variable in page.variables}
    text = " ".join(query.promql for panel in page.panels for query in panel.queries)
    text += " ".join(variable.query for variable in page.variables)
    asked = set(re.findall(r"\$([a-z]+)\b", text))
    assert asked == offered


@pages
def test_panels_do_not_overlap(page: Dashboard) -> None:
    """Each panel has its own place on a grid of 24 columns."""
    cells = [
        (x, y)
        for panel in render(page)["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_pages_have_their_own_address() -> None:
    """A uid is a link that people keep."""
    found = [page.uid for page in dashboards()]
    assert len(found) == len(set(found))
    assert all(re.fullmatch(r"outrider-[a-z-]{1,30}", uid) for uid in found)


def test_no_variable_is_left_when_everything_is_chosen() -> None:
    """What the system test sends is what Grafana would send."""
    assert [q for _, _, q in queries() if "$" in with_everything(q)] == []


def uids(document: Any) -> list[str]:
    if isinstance(document, dict):
        if "datasource" in document:
            return [document["datasource"]["uid"], *uids({k: v for k, v in document.items() if k != "datasource"})]
        return [uid for value in document.values() for uid in uids(value)]
    if isinstance(document, list):
        return [uid for value in document for uid in uids(value)]
    return []


def test_the_files_are_strict_json() -> None:
    """No NaN, nothing that another reader would refuse."""
    for text in rendered_files().values():
        json.dumps(json.loads(text), allow_nan=False)
