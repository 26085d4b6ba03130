"""Two models and two versions through a real monitor, as their users see them: API, metrics, terminal, and a backfill of the same."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from tests.system.services.outrider import run, running_monitor, sample, text
from tests.system.services.story_of_a_pipeline import (
    FIRST,
    REQUESTS,
    SECOND,
    WINDOWS,
    Story,
    baseline,
    declaration,
    running_story,
    values,
)

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with running_story(tmp_path_factory.mktemp("pipeline")) as running:
        yield running


def test_the_alert_downstream_names_who_was_first(story: Story) -> None:
    """Three windows earlier, in its cause and in words; the code and the baseline stand on it."""
    for version in ("v1", "v2"):
        alert = next(
            a
            for a in story.monitor.items("/api/v1/alerts", model="income", kind="drift")
            if a["version"] == version and a["state"] == "firing"
        )
        first = alert["cause"]["upstream"][0]
        assert first["model"] == "features-v2"
        assert abs(first["windows_earlier"] - (SECOND - FIRST)) <= 1
        assert "upstream features-v2 drifted" in alert["cause"]["summary"]
        assert "+" in alert["code"] and alert["baseline"]


def test_the_canary_is_held_against_the_champion(story: Story) -> None:
    """It speaks of its refusals or its latency; the champion does not."""
    quality = story.monitor.items("/api/v1/alerts", model="income", kind="quality", state="firing")
    (alert,) = quality
    assert alert["version"] == "v2"
    lines = {(f["metric"], f["feature"]) for f in alert["features"]}
    assert lines >= {("latency", "against the champion")}


def test_versions_are_compared_with_latency_refusals_and_split(story: Story) -> None:
    """One request in ten of the canary's is refused; traffic is shared as declared."""
    found = story.monitor.get("/api/v1/models/income/versions")
    assert (found["control"], found["mode"]) == ("v1", "canary")
    (side,) = found["items"]
    service = side["service"]
    assert service["version"]["error_ratio"] == pytest.approx(0.1)
    assert service["control"]["error_ratio"] == 0
    by_name = {one["metric"]: one for one in service["differences"]}
    assert 0.35 < by_name["latency"]["low"] < 0.5 < by_name["latency"]["high"] < 0.65
    ratio = found["sample_ratio"]
    assert (ratio["counted"], ratio["mismatch"]) == ("exchanges", False)
    assert [one["requests"] for one in ratio["shares"]] == [WINDOWS * REQUESTS // 2] * 2


def test_the_pipeline_says_what_passed(story: Story) -> None:
    """19 of 20 requests pass both models; each has its time."""
    found = story.monitor.get("/api/v1/models/income/pipeline")
    assert [one["model"] for one in found["components"]] == ["features-v2", "income"]
    assert found["first"]["model"] == "features-v2"
    last = found["items"][-1]
    assert (last["requests"], last["passed"], last["reason"]) == (REQUESTS, REQUESTS * 19 // 20, None)
    times = {one["model"]: one["seconds"]["p50"] for one in last["components"]}
    assert times["features-v2"] == pytest.approx(0.02)
    assert 0.04 < times["income"] < 0.08
    assert story.monitor.get("/api/v1/models/features-v2/pipeline")["feeds"] == ["income"]


def test_measurements_and_prometheus_show_it(story: Story) -> None:
    """The canary's refused share in every window; the size of the last change of the scores."""
    ratios = story.monitor.items("/api/v1/models/income/measurements", metric="error_ratio", version="v2")
    assert [one["value"] for one in ratios] == [pytest.approx(0.1)] * WINDOWS
    assert {one["code"] for one in ratios} != {None}
    exposition = text(f"{story.monitor.url}/metrics")
    assert sample(exposition, "outrider_score_change_point", model="income", model_version="v1") > 0.1
    found = story.monitor.get("/api/v1/models/income/change-points", version="v1")
    for one in found["items"]:
        assert one["changed"] and one["size"] > 0.1


def test_windows_of_both_versions_are_recomputed_to_the_bit(story: Story) -> None:
    """Refused exchanges and latencies too."""
    for window in story.monitor.windows("income")[-2:]:
        said = run(
            "recompute", "income", window["start"], "--version", window["version"], "--monitor", story.monitor.url
        )
        assert said.startswith("equal")
        assert "computed by" not in said


def test_a_backfill_of_one_model_after_the_other_names_the_same(tmp_path: Path) -> None:
    """Files have no traces and no latency; who was first is told all the same."""
    start = datetime.now(UTC).timestamp() // 60 * 60 - 3_600
    for model, shifted_from in (("features-v2", FIRST), ("income", SECOND)):
        rng = np.random.default_rng(9)
        rows = [
            values(rng, number >= shifted_from)
            | {"when": datetime.fromtimestamp(start + 60 * number + i * 0.25, UTC).isoformat()}
            for number in range(WINDOWS)
            for i in range(REQUESTS)
        ]
        with (tmp_path / f"{model}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        run(
            "backfill", declaration(tmp_path, model), tmp_path / f"{model}.csv", "--time", "when",
            "--baseline", baseline(tmp_path, model), "--data", tmp_path / "data", "--version", "v1",
        )  # fmt: skip
    with running_monitor(tmp_path / "monitor", tmp_path / "data") as monitor:
        (alert,) = monitor.items("/api/v1/alerts", model="income", kind="drift")
        first = alert["cause"]["upstream"][0]
        assert first["model"] == "features-v2"
        assert abs(first["windows_earlier"] - (SECOND - FIRST)) <= 1
