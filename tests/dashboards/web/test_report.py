"""The page of `compare --html`: the answer first, whole in itself, foreign names as text."""

from __future__ import annotations

import re
from typing import Any

from dashboards.web.report import comparison_page
from monitor.findings import AlertKind, Finding, Span, Status, Transition
from tests.results import finding, transition

HOSTILE = "</td><script>alert(1)</script>"


def page(findings: list[Finding], transitions: list[Transition] | None = None, **names: Any) -> str:
    return comparison_page(names.get("names", ("before.csv", "after.csv")), findings, transitions or []).decode()


def told(text: str) -> str:
    """The text that is read, in the order of the page."""
    return " ".join(re.sub(r"<style>.*?</style>|<[^>]+>", " ", text, flags=re.DOTALL).split())


def test_the_alert_is_the_headline() -> None:
    """What would call a person comes first, drift before its symptoms, with the ranked features."""
    none = Span(None, None)
    drift = transition(window=none, summary="Inputs drifted: RELP = 17: 69.6 % against 5.2 %")
    later = transition(window=none, kind=AlertKind.PERFORMANCE, summary="Performance dropped")
    text = told(page([finding(status=Status.CRITICAL)], [later, drift]))
    assert text.index("Inputs drifted") < text.index("Performance dropped")
    assert "RELP = 17: 69.6 % against 5.2 %" in text


def test_nothing_found_and_nothing_judged_read_differently() -> None:
    """No drift is a statement; no data is not."""
    assert "No drift: all 1 findings are within their limits" in told(page([finding(status=Status.OK)]))
    unsure = finding(status=Status.NO_DATA, value=None, low=None, high=None, reason="a column the window lacks")
    text = told(page([unsure]))
    assert "Nothing could be judged" in text and "a column the window lacks" in text and "No drift" not in text
    assert "share no column" in told(page([]))


def test_a_number_has_its_interval_counts_and_limit() -> None:
    """Of one finding."""
    text = told(page([finding(value=0.31, low=0.2, high=0.44, threshold=0.25, status=Status.WARNING)]))
    for part in ("0.31", "0.2 to 0.44", "0.25", "1,000", "5,000", "warning"):
        assert part in text


def test_foreign_names_are_text() -> None:
    """Files, features, groups and reasons may be called anything."""
    hostile = finding(feature=HOSTILE, slice=HOSTILE, reason=HOSTILE, threshold_origin=HOSTILE)
    text = page([hostile], [transition(summary=HOSTILE)], names=(HOSTILE, HOSTILE))
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 6


def test_the_page_needs_nothing_beside_itself() -> None:
    """No script, no image, no address, and a policy that forbids them."""
    text = page([finding()], [transition()])
    assert not re.search(r"<(?:script|img|link|iframe)\b|https?://|url\(", text)
    assert "default-src 'none'" in text
