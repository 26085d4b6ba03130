"""`outrider sidecar`: flags become settings."""

from pathlib import Path

import pytest

from collectors.settings import SidecarSettings
from collectors.settings.passive import Passive
from outrider.commands import sidecar as command
from outrider.main import main

HTTP = ["--listen", "0.0.0.0:9000", "--upstream", "127.0.0.1:8000"]
GRPC = ["--grpc-listen", "0.0.0.0:9001", "--grpc-upstream", "127.0.0.1:8001"]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[SidecarSettings]:
    settings: list[SidecarSettings] = []
    monkeypatch.setattr(command, "run_sidecar", lambda found, **_: settings.append(found))
    monkeypatch.setattr(command, "log_to_stderr", lambda: None)
    return settings


@pytest.mark.parametrize(
    ("flags", "pairs"),
    [
        (HTTP, ["0.0.0.0:9000 127.0.0.1:8000"]),
        (GRPC, ["0.0.0.0:9001 127.0.0.1:8001"]),
        (HTTP + GRPC, ["0.0.0.0:9000 127.0.0.1:8000", "0.0.0.0:9001 127.0.0.1:8001"]),
    ],
)
def test_either_pair_of_ports_or_both(started: list[SidecarSettings], flags: list[str], pairs: list[str]) -> None:
    """A second pair for gRPC."""
    assert main(["sidecar", *flags]) == 0
    assert [f"{each.listen} {each.upstream}" for each in started[0].listeners] == pairs


def test_flags_go_before_the_file(started: list[SidecarSettings], tmp_path: Path) -> None:
    """Its listeners stay where no flag names any."""
    file = tmp_path / "sidecar.yaml"
    file.write_text('listeners: [{listen: "0.0.0.0:1", upstream: "h:2"}]')
    assert main(["sidecar", "--config", str(file)]) == 0
    assert main(["sidecar", "--config", str(file), *GRPC]) == 0
    assert [str(each.listeners[0].listen) for each in started] == ["0.0.0.0:1", "0.0.0.0:9001"]


def test_half_a_pair_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    """One line names what is missing."""
    assert main(["sidecar", *HTTP, *GRPC[:2]]) == 2
    assert "listeners[1].upstream" in capsys.readouterr().err


def test_ports_to_watch_go_before_the_file_too(started: list[SidecarSettings], tmp_path: Path) -> None:
    """Flags choose the tap; what the file says of it beside the ports stays."""
    file = tmp_path / "sidecar.yaml"
    file.write_text("passive: {ports: [1], ring_bytes: 4194304}")
    assert main(["sidecar", "--passive", "8000,8001"]) == 0
    assert main(["sidecar", "--config", str(file), "--passive", "8000"]) == 0
    assert main(["sidecar", "--config", str(file), *HTTP]) == 0
    file.write_text('listeners: [{listen: "0.0.0.0:1", upstream: "h:2"}]')
    assert main(["sidecar", "--config", str(file), "--passive", "8000"]) == 0
    assert [(len(each.listeners), each.passive) for each in started] == [
        (0, Passive((8000, 8001))),
        (0, Passive((8000,), 4194304)),
        (1, None),
        (0, Passive((8000,))),
    ]


def test_two_taps_at_once_are_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    """So are ports that are none."""
    assert main(["sidecar", *HTTP, "--passive", "8000"]) == 2
    assert "one of the two" in capsys.readouterr().err
    assert main(["sidecar", "--passive", "8000,http"]) == 2
    assert "passive.ports[1]: found 'http'" in capsys.readouterr().err
