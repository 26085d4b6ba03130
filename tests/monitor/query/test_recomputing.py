"""Windows counted once more, over the interface and by the command that an alert names."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from outrider.commands.api import MonitorApi
from outrider.main import main
from tests.monitor.jobs.house import MODEL
from tests.monitor.query.conftest import API, Asked


@pytest.fixture
def through_the_client(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands speak to the monitor under test, whatever URL they name."""

    def get(api: MonitorApi, path: str, **query: Any) -> Any:
        assert api.url == asked.service.settings.url
        answer = asked.client.get(path, params={k: v for k, v in query.items() if v is not None})
        assert answer.status_code == 200, answer.text
        return answer.json()

    monkeypatch.setattr(MonitorApi, "get", get)


@pytest.mark.usefixtures("through_the_client")
def test_the_command_of_an_alert_says_that_its_window_is_equal(
    asked: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it stands on the alert, for a shell, against the monitor that told of it."""
    drift = next(a for a in asked.all("/alerts", model=MODEL, kind="drift") if a["state"] == "firing")
    alert = asked.get(f"/alerts/{drift['fingerprint']}")
    (told,) = (t for t in alert["transitions"] if t["state"] == "firing")
    assert told["recompute"] == (
        f"outrider recompute {MODEL} {told['window']['start']} --rule 1m --version 1 --monitor {asked.service.settings.url}"
    )
    for command in (told["recompute"], alert["recompute"]):
        assert main(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().out.startswith("equal: 300 rows, 0 labels, ")


@pytest.mark.usefixtures("through_the_client")
def test_a_merge_is_counted_once_more_window_by_window(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    """Those with rows up to the one that is named, oldest first."""
    starts = [w["start"] for w in asked.all(f"/models/{MODEL}/windows", version="1") if w["n_window"]]
    command = ["recompute", MODEL, starts[3], "--version", "1", "--rule", "1m", "--windows", "4"]
    assert main([*command, "--monitor", asked.service.settings.url]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "equal: " in line]
    windows, alerts = lines[:4], lines[4:]
    assert [line.split()[0] for line in windows] == starts[:4]
    # What the alerts keep of these windows comes out of the same counts.
    assert alerts and all(line.startswith("alert ") and "kept distributions" in line for line in alerts)


def test_the_alert_shows_both_distributions(asked: Asked) -> None:
    """On shared bins, with those that changed most, for each of its first lines."""
    drift = next(a for a in asked.all("/alerts", model=MODEL, kind="drift") if a["state"] == "firing")
    alert = asked.get(f"/alerts/{drift['fingerprint']}")
    assert "exhibit" not in drift
    for exhibit in (alert["exhibit"], alert["transitions"][0]["exhibit"]):
        age = next(one for one in exhibit["comparisons"] if one["feature"] == "age")
        assert len(age["baseline"]) == len(age["window_counts"]) == len(age["edges"]) + 1
        assert (sum(age["baseline"]), sum(age["window_counts"])) == (age["n_baseline"], age["n_window"])
        assert age["top"][0]["part"] >= age["top"][-1]["part"] > 0


def test_a_start_that_no_window_has_is_refused(asked: Asked) -> None:
    """With its place."""
    path = f"/models/{MODEL}/recompute"
    assert "window" in asked.refused("GET", path, params={"window": "2020-01-01T00:00:00Z"})["detail"]
    assert asked.client.get(f"{API}{path}").status_code == 400
