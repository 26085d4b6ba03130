"""The units of systemd, by systemd itself: every setting is one that it knows, and little is open to the services."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system
UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
EXPOSURE_MAX = 25
"""Of 100: what systemd calls OK begins below 50; a unit without any of our settings has 96."""


def installed(folder: Path, unit: str, *drop_ins: str) -> Path:
    """The unit as it would lie in /etc, with a program that this machine has."""
    text = (UNITS / unit).read_text("utf-8").replace("/opt/outrider/bin/outrider", sys.executable)
    path = folder / unit
    path.write_text(text, "utf-8")
    for name in drop_ins:
        (folder / f"{unit}.d").mkdir()
        shutil.copy(UNITS / name, folder / f"{unit}.d")
    return path


def analyzed(*arguments: object) -> str:
    done = subprocess.run(
        ["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("unit", "drop_ins"),
    [
        ("outrider-monitor.service", ()),
        ("outrider-sidecar.service", ()),
        ("outrider-sidecar.service", ("passive.conf",)),
    ],
)
def test_systemd_knows_every_setting(unit: str, drop_ins: tuple[str, ...], tmp_path: Path) -> None:
    """With its drop-in too; not a warning."""
    said = analyzed("verify", "--man=no", installed(tmp_path, unit, *drop_ins))
    assert [line for line in said.splitlines() if unit in line] == []


@pytest.mark.parametrize("unit", ["outrider-monitor.service", "outrider-sidecar.service"])
def test_little_is_open_to_a_service(unit: str, tmp_path: Path) -> None:
    """As systemd reckons it."""
    said = analyzed(
        "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", "--no-pager", installed(tmp_path, unit)
    )
    level = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    assert level is not None and 10 * float(level[1]) <= EXPOSURE_MAX
