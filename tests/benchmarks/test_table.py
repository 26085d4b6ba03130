"""The published table of false alarms: what is over its budget, and that the page says what was found."""

from pathlib import Path

import pytest

from benchmarks.null_calibration.table import ALLOWED, REPORTS, is_over, read, shown, summary, written

PAGE = Path(__file__).parents[2] / "docs" / "alarm-calibration.md"


@pytest.mark.parametrize(("alarms", "over"), [([0] * 20, False), ([3, 4] * 10, False), ([6] * 20, True), ([9], False)])
def test_a_cell_is_over_its_budget_where_chance_cannot_explain_it(alarms, over):
    """3.47 a run are allowed; six a run over twenty baselines are beyond the bound, nine in a single run are not."""
    assert is_over(dict(enumerate(alarms))) is over


def test_a_cell_shows_its_mean_and_the_most_of_one_baseline():
    """Nothing run is a dash, not a zero."""
    assert shown({0: 1, 1: 4}) == "2.50 (4)"
    assert shown({}) == "–"


def test_the_summary_names_what_is_over():
    """A cell over its budget is counted in the first line and named."""
    found = {("normal", 500, 50, 1): dict.fromkeys(range(20), 9), ("normal", 500, 200, 1): dict.fromkeys(range(20), 1)}
    lines = list(summary(found))
    assert lines[0].startswith("**1 of 2 cells is over its budget.** In 40 runs")
    assert lines[1] == f"(20 baselines a cell) 200 alarms were told where {40 * ALLOWED:,.0f} were allowed."
    assert any(line.startswith("Over: ('normal', 500, 50, 1), 180 alarms") for line in lines)


def test_the_page_says_what_the_results_say(tmp_path):
    """Writing the report into the published page changes nothing."""
    page = tmp_path / "page.md"
    page.write_text(PAGE.read_text())
    written(read(), page)
    assert page.read_text() == PAGE.read_text()
    assert all(f"<!-- {name} -->" in page.read_text() for name in REPORTS)
