"""Who was first along a pipeline: the order of models, and what is sure about it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.causes.upstream import depths, feeders_first, in_order, spoken, with_upstream
from monitor.findings import Alert, AlertKind, AlertStatus, Cause, FeatureScore, Since, Span

MINUTE = 60 * 10**9
START = 1_800_000_000 * 10**9


def since(at: int, low: int | None = None, high: int | None = None) -> Since:
    """In minutes."""
    return Since(*(START + MINUTE * (at if m is None else m) for m in (at, low, high)))


def cause(found: Since | None) -> Cause:
    return Cause("x", None, "population_shift", "x moved", found, summary="Another population: x moved")


def alert(model: str, found: Since | None, *, state: AlertStatus = AlertStatus.FIRING) -> Alert:
    return Alert(
        f"f-{model}",
        model,
        "1",
        AlertKind.DRIFT,
        state,
        window=Span(START + 9 * MINUTE, START + 10 * MINUTE),
        features=(FeatureScore("RELP", "js_distance", 3.0),),
        cause=cause(found),
    )


def test_the_first_to_change_is_named_with_how_long_before() -> None:
    """Its interval ends before the other's begins, so it is sure."""
    own, window = cause(since(9, 8, 10)), Span(START + 10 * MINUTE, START + 11 * MINUTE)
    told = with_upstream(own, window, [alert("b", since(7, 6, 9)), alert("a", since(5, 4, 6))])
    assert [(one.model, one.windows_earlier, one.sure) for one in told.upstream] == [("a", 4, True), ("b", 2, False)]
    assert "upstream a drifted 4 windows earlier (RELP, since 2027-01-15 08:05Z)" in told.summary
    assert "about" in spoken(told.upstream[1])


def test_what_changed_later_is_no_cause() -> None:
    """Nor what is over, nor traffic that was not seen."""
    own, window = cause(since(3)), Span(START + 10 * MINUTE, START + 11 * MINUTE)
    over = alert("b", since(1), state=AlertStatus.RESOLVED)
    unseen = replace(alert("c", since(1)), kind=AlertKind.CAPTURE)
    assert with_upstream(own, window, [alert("a", since(8, 6, 9)), over, unseen]) == own


def test_without_a_change_point_the_window_that_fired_stands_in() -> None:
    """Of either."""
    (told,) = with_upstream(cause(None), Span(START + 12 * MINUTE, START + 13 * MINUTE), [alert("a", None)]).upstream
    assert (told.since, told.windows_earlier) == (since(9), 3)


def test_open_alerts_of_a_pipeline_are_in_the_order_in_which_they_began() -> None:
    """By time, then by name."""
    found = in_order([alert("c", since(5)), alert("a", since(7)), alert("b", since(5))])
    assert [one.model for one in found] == ["b", "c", "a"]
    assert {one.windows_earlier for one in found} == {None}


def test_steps_are_counted_along_the_shortest_way() -> None:
    """A circle ends where it began."""
    upstream = {"d": ["b", "c"], "b": ["a"], "c": [], "a": ["d"]}
    assert depths(upstream, "d") == {"d": 0, "b": 1, "c": 1, "a": 2}


@given(st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), max_size=3), max_size=6))
def test_feeders_come_first_wherever_there_is_no_circle(edges: dict[str, list[str]]) -> None:
    """Every model once; one that is fed comes after its feeders where the edges only lead back in the alphabet."""
    forward = {name: [u for u in fed if u < name and u in edges] for name, fed in edges.items()}
    order = feeders_first(forward)
    assert sorted(order) == sorted(forward)
    assert all(order.index(u) < order.index(name) for name, fed in forward.items() for u in fed)
