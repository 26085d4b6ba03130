"""The table of findings, as it is read on a terminal of eighty columns and in a file."""

from __future__ import annotations

import re
import sys

import pytest

from monitor.findings import Status
from outrider.commands.output import print_report
from tests.results import finding

LONG = finding(
    "wasserstein_normalized", feature="a_feature_with_a_name", value=0.123456, low=0.0001024, high=0.0058412,
    threshold=(-0.0467, 0.0533), status=Status.CRITICAL,
)  # fmt: skip
GONE = finding(
    "js_distance", value=None, low=None, high=None, status=Status.NO_DATA, reason="no such column in the window"
)


def printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> str:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    monkeypatch.setenv("COLUMNS", "80")
    print_report([LONG, GONE], [])
    return re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)


def test_no_number_is_cut_on_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names are folded; values, intervals, counts and states are whole, within eighty columns."""
    said = printed(capsys, monkeypatch, terminal=True)
    assert "0.123" in said and "0.000102 to 0.00584" in said and "1,000" in said and "critical" in said
    assert "…" not in said and all(len(line.rstrip()) <= 80 for line in said.splitlines())


def test_a_file_has_the_whole_names_and_the_counts_of_both_sides(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the output is no terminal nothing is folded."""
    said = printed(capsys, monkeypatch, terminal=False)
    assert "a_feature_with_a_name" in said and "wasserstein_normalized" in said
    assert "-0.0467 to 0.0533" in said and "5,000" in said


def test_why_there_is_no_value_stands_below_in_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in a column of its own, a word a line."""
    said = printed(capsys, monkeypatch, terminal=True)
    assert "age, js_distance: no such column in the window" in said
