"""Evidently's report of a window: complete, offline, bounded, and clear about what entered it."""

import re

import numpy as np
import pytest

from monitor.definitions import Feature, MonitoredModel, Prediction
from monitor.errors import InvalidInput
from monitor.reports import evidently
from monitor.tiles.rows import Column, Rows

MODEL = MonitoredModel(
    "income",
    features=(
        Feature("age", "numeric"),
        Feature("city", "categorical"),
        Feature("note", "text"),
        Feature("e", "vector", 2),
    ),
    prediction=Prediction(score="p"),
)


def rows_of(n: int, seed: int, **changed: Column) -> Rows:
    rng = np.random.default_rng(seed)
    columns = {
        "age": Column(rng.normal(40, 10, n), rng.random(n) < 0.1),
        "city": Column(rng.choice(np.array(["paris", "rome"], object), n)),
        "note": Column(np.full(n, "secret remark", object)),
        "e": Column(np.zeros((n, 2), np.float32)),
        "p": Column(rng.random(n)),
    } | changed
    return Rows(
        np.arange(n),
        np.array([f"{seed}-{i}" for i in range(n)], object),
        np.zeros(n, np.int32),
        np.ones(n, np.int32),
        columns,
    )


@pytest.fixture(scope="module")
def page() -> str:
    return evidently.html(rows_of(500, 1), rows_of(300, 2), MODEL).decode()


def test_the_title_says_which_rows_entered(page: str) -> None:
    """All rows of both sides, counted."""
    title = re.search(r"<title>(.*?)</title>", page)
    assert title is not None
    assert title[1] == "income: all 300 rows of the window against all 500 rows of the baseline"


def test_the_report_covers_features_and_prediction(page: str) -> None:
    """Numbers, categories and the score are in the report; texts and vectors are not."""
    assert all(name in page for name in ('"age"', '"city"', '"p"', "paris"))
    assert "secret remark" not in page


def test_the_page_loads_nothing(page: str) -> None:
    """No script, style, image, font or frame with an address, and a policy that refuses any."""
    loaded = re.findall(r"<(?:script|img|iframe|link|source)\b[^>]*?\b(?:src|href)\s*=\s*[\"'](?!data:)[^\"']*", page)
    assert loaded == []
    assert re.findall(r"(?:@import|url\()\s*[\"']?https?:", page) == []
    assert "cdn." not in page
    assert f'http-equiv="Content-Security-Policy" content="{evidently.POLICY}"' in page


def test_its_usage_reports_are_off(page: str) -> None:
    """By Evidently's own account, after a report was made."""
    from evidently.telemetry import event_logger  # noqa: PLC0415  (imported first by the code under test)

    assert page and not event_logger.is_enabled()


def test_a_large_window_is_sampled_and_the_title_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A named cap bounds both sides, the same rows every time."""
    monkeypatch.setattr(evidently, "ROWS_MAX", 100)
    page = evidently.html(rows_of(500, 1), rows_of(90, 2), MODEL).decode()
    assert "all 90 rows of the window against a sample of 100 of 500 rows of the baseline" in page


def test_columns_without_values_are_left_out_and_named() -> None:
    """All missing or all infinite on one side cannot be compared; the title says which."""
    n = 60
    odd = rows_of(
        n,
        3,
        age=Column(np.where(np.arange(n) % 2, np.inf, -np.inf)),
        city=Column(np.array([f"new-{i}" for i in range(n)], object)),
        p=Column(np.zeros(n), np.ones(n, np.bool_)),
    )
    page = evidently.html(rows_of(n, 4), odd, MODEL).decode()
    assert "without values on one side, so left out: age, p</title>" in page


def test_columns_of_the_wrong_type_are_left_out() -> None:
    """Names where numbers were declared are no numbers."""
    page = evidently.html(rows_of(50, 4), rows_of(50, 5, age=Column(np.full(50, "x", object))), MODEL).decode()
    assert "left out: age</title>" in page


def test_a_name_cannot_write_into_the_page() -> None:
    """Names of clients' categories reach the page as data of its scripts, not as markup."""
    evil = Column(np.full(50, "</script><script>alert(1)</script>", object))
    page = evidently.html(rows_of(50, 5, city=evil), rows_of(50, 6, city=evil), MODEL).decode()
    assert "<script>alert(1)" not in page


@pytest.mark.parametrize(("reference", "current"), [(0, 5), (5, 0)])
def test_nothing_to_compare_is_refused(reference: int, current: int) -> None:
    """A side without rows is bad input, with its name."""
    with pytest.raises(InvalidInput, match="no rows"):
        evidently.html(rows_of(reference, 1), rows_of(current, 2), MODEL)


def test_no_shared_column_is_refused() -> None:
    """The error says what was found."""
    with pytest.raises(InvalidInput, match="a feature that both sides have"):
        evidently.html(rows_of(5, 1), rows_of(5, 2), MonitoredModel("m", features=(Feature("other", "numeric"),)))
