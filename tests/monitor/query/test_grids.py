"""The grid that strips and heat map draw: the worst decision record of each column, and nothing that is not one."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.findings import rfc3339
from tests.monitor.jobs.house import MODEL, minute
from tests.monitor.query.conftest import WINDOWS, Asked

RANK = ["critical", "error", "warning", "ok", "insufficient_data", "undefined", "no_data"]


def grid(asked: Asked, **query: Any) -> dict[str, Any]:
    found: dict[str, Any] = asked.get(f"/models/{MODEL}/grid", version="1", **query)
    return found


def test_each_window_is_a_column_with_its_counts(asked: Asked) -> None:
    """Columns say the window's time, rows and what the sidecars saw."""
    windows = [w for w in asked.all(f"/models/{MODEL}/windows") if w["version"] == "1"]
    columns = grid(asked)["columns"]
    assert [(c["start"], c["end"], c["n_window"], c["seen"]) for c in columns] == [
        (w["start"], w["end"], w["n_window"], w["seen"]) for w in windows
    ]
    assert {c["windows"] for c in columns} == {1}


def test_a_cell_is_the_worst_finding_of_its_kind(asked: Asked) -> None:
    """By status; every cell is one of the window's decision records."""
    found = grid(asked)
    records = asked.all(f"/models/{MODEL}/measurements", version="1")
    assert {row["name"] for row in found["rows"]} == {r["kind"] for r in records}
    for row in found["rows"]:
        for column, cell in zip(found["columns"], row["cells"], strict=True):
            own = [r for r in records if r["kind"] == row["name"] and r["window"]["start"] == column["start"]]
            assert cell["status"] == min((r["status"] for r in own), key=RANK.index)
            assert any(
                (r["metric"], r["feature"], r["slice"], r["value"])
                == (cell["metric"], cell.get("feature"), cell.get("slice"), cell.get("value"))
                for r in own
            )


def test_features_are_ranked_worst_first_and_the_quiet_ones_folded(asked: Asked) -> None:
    """The feature that moved leads; `rows` bounds what is shown and `folded` counts the rest."""
    whole = grid(asked, per="feature", kind="drift", metric="js_distance")
    assert whole["rows"][0]["name"] == "age" and whole["folded"] == 0
    assert [c["status"] for c in whole["rows"][0]["cells"]][-1] == "critical"
    first = grid(asked, per="feature", kind="drift", metric="js_distance", rows=1)
    assert first["rows"] == whole["rows"][:1] and first["folded"] == len(whole["rows"]) - 1


def test_a_long_range_has_several_windows_a_column(asked: Asked) -> None:
    """A column of several windows shows the worst of them and the sum of their counts."""
    span = {"from": rfc3339(minute(0)), "to": rfc3339(minute(WINDOWS))}
    single, double = grid(asked, columns=WINDOWS, **span), grid(asked, columns=WINDOWS // 2 + 1, **span)
    assert [c["windows"] for c in double["columns"]] == [2, 2, 1]
    assert double["columns"][0]["n_window"] == sum(c["n_window"] for c in single["columns"][:2])
    ones = {row["name"]: row["cells"] for row in single["rows"]}
    for row in double["rows"]:
        worst = min((c["status"] for c in ones[row["name"]][2:4]), key=RANK.index)
        assert row["cells"][1]["status"] == worst


def test_without_a_version_it_is_that_of_the_newest_window(asked: Asked) -> None:
    """And the versions and rules to choose from are told."""
    found = asked.get(f"/models/{MODEL}/grid")
    assert found["version"] in ("1", "2")
    assert sorted(found["versions"]) == ["1", "2"] and found["rule"] in found["rules"]


def test_a_range_without_windows_is_empty(asked: Asked) -> None:
    """Not an error: nothing is there."""
    found = grid(asked, **{"from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z"})
    assert (found["columns"], found["rows"], found["windows"]) == ([], [], 0)


@pytest.mark.parametrize("query", [{"columns": 0}, {"columns": 10_000}, {"rows": 0}, {"rows": 10_000}])
def test_too_much_is_refused_with_its_place(asked: Asked, query: dict[str, int]) -> None:
    """Bounds of what a page can draw."""
    problem = asked.refused("GET", f"/models/{MODEL}/grid", params=query)
    assert (problem["status"], problem["errors"][0]["path"]) == (422, "columns, rows")


def test_models_come_with_their_last_windows(asked: Asked) -> None:
    """What the list of models shows: states in order of time, since when, and the open alerts' sentences."""
    (model,) = [m for m in asked.all("/models") if m["model"] == MODEL]
    starts = [w["start"] for w in model["recent"]]
    assert starts == sorted(starts) and starts[-1] == model["last_window"]["start"]
    assert sorted(a["kind"] for a in model["alerts"]) == model["firing"]
    assert all(a["summary"] for a in model["alerts"]) and model["since"] is not None


def test_the_last_windows_of_versions_side_by_side_are_their_worst(asked: Asked) -> None:
    """One state for each span, with the rows of both: a candidate that fails is not hidden behind a champion that does not."""
    (model,) = [m for m in asked.all("/models") if m["model"] == MODEL]
    windows = asked.all(f"/models/{MODEL}/windows")
    spans = [w["start"] for w in model["recent"]]
    assert len(spans) == len(set(spans))
    for recent in model["recent"]:
        beside = [w for w in windows if (w["start"], w["end"]) == (recent["start"], recent["end"])]
        assert recent["n_window"] == sum(w["n_window"] for w in beside)
        assert recent["status"] in {w["status"] for w in beside}
    assert "critical" in {w["status"] for w in model["recent"]}


def test_a_grid_is_sent_compressed_and_a_parquet_file_as_it_is(asked: Asked) -> None:
    """Where the client takes it: a grid repeats itself, a Parquet file is compressed already."""
    gzip = {"accept-encoding": "gzip"}
    answer = asked.client.get(f"/api/v1/models/{MODEL}/grid", headers=gzip)
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < len(answer.content) / 4
    file = asked.client.get(f"/api/v1/models/{MODEL}/baseline.parquet", headers=gzip)
    assert "content-encoding" not in file.headers and file.content.startswith(b"PAR1")


def test_rows_are_searched_ordered_and_paged(asked: Asked) -> None:
    """By a part of their name; by name or by the newest column; so many left out before those on show."""
    query = {"per": "feature", "kind": "drift", "metric": "js_distance"}
    whole = [row["name"] for row in grid(asked, **query)["rows"]]
    assert [row["name"] for row in grid(asked, **query, match="AG")["rows"]] == ["age"]
    assert [row["name"] for row in grid(asked, **query, order="name")["rows"]] == sorted(whole)
    assert grid(asked, **query, order="newest")["rows"][0]["name"] == "age"
    second = grid(asked, **query, skip=1, rows=1)
    assert [row["name"] for row in second["rows"]] == whole[1:2]
    assert (second["of"], second["folded"]) == (len(whole), len(whole) - 2)
