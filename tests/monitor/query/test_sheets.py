"""Lists as CSV."""

from __future__ import annotations

import csv
import io

import pytest

from monitor.query.sheets import NEXT, sheet
from tests.monitor.jobs.house import MODEL
from tests.monitor.query.conftest import API, Asked

WINDOWS = f"{API}/models/{MODEL}/windows"


def lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize(("query", "headers"), [({"format": "csv"}, {}), ({}, {"accept": "text/csv"})])
def test_a_list_is_lines_where_they_are_asked_for(asked: Asked, query: dict[str, str], headers: dict[str, str]) -> None:
    """The items of the JSON answer, in its order."""
    answer = asked.client.get(WINDOWS, params=query, headers=headers)
    assert answer.headers["content-type"].startswith("text/csv")
    items = asked.get(f"/models/{MODEL}/windows")["items"]
    assert [line["start"] for line in lines(answer.text)] == [item["start"] for item in items]


def test_the_next_page_is_told_in_a_header(asked: Asked) -> None:
    """Its cursor is that of the JSON answer; the last page has none."""
    first = asked.client.get(WINDOWS, params={"format": "csv", "limit": 1})
    assert first.headers[NEXT] == asked.get(f"/models/{MODEL}/windows", limit=1)["next"]
    assert NEXT not in asked.client.get(WINDOWS, params={"format": "csv"}).headers


def test_what_is_refused_stays_a_problem(asked: Asked) -> None:
    """Nobody reads an error as a table."""
    asked.refused("GET", f"/models/{MODEL}/windows", params={"format": "csv", "limit": 0})


def test_no_text_becomes_a_formula() -> None:
    """Names and values came with traffic."""
    (line,) = lines(sheet([{"name": "=HYPERLINK(1)", "n": -1, "deep": {"list": [1, "a"]}}]).decode())
    assert line == {"name": "'=HYPERLINK(1)", "n": "-1", "deep.list": '[1, "a"]'}


def test_no_items_are_an_empty_sheet() -> None:
    """With no columns, for none are known."""
    assert sheet([]) == b"\r\n"
