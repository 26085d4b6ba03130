"""Windows counted once more, over the interface and by the command that an alert names."""

from __future__ import annotations

from typing import Any

import pytest

from outrider.commands.api import MonitorApi
from outrider.main import main
from tests.monitor.jobs.house import MODEL
from tests.monitor.query.conftest import API, Asked


def test_the_command_of_an_alert_says_that_its_window_is_equal(
    asked: Asked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it stands on the alert, against the monitor that told of it."""

    def through_the_client(_: MonitorApi, path: str, **query: Any) -> Any:
        answer = asked.client.get(path, params={k: v for k, v in query.items() if v is not None})
        assert answer.status_code == 200, answer.text
        return answer.json()

    monkeypatch.setattr(MonitorApi, "get", through_the_client)
    drift = next(a for a in asked.all("/alerts", model=MODEL, kind="drift") if a["state"] == "firing")
    command = asked.get(f"/alerts/{drift['fingerprint']}")["recompute"]
    assert command.startswith(f"outrider recompute {MODEL} {drift['window']['start']} --version 1")
    assert main(command.split()[1:]) == 0
    assert capsys.readouterr().out.startswith("equal: 300 rows, 0 labels, ")


def test_a_start_that_no_window_has_is_refused(asked: Asked) -> None:
    """With its place."""
    path = f"/models/{MODEL}/recompute"
    assert "window" in asked.refused("GET", path, params={"window": "2020-01-01T00:00:00Z"})["detail"]
    assert asked.client.get(f"{API}{path}").status_code == 400
