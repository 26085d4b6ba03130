"""When the cause of an open alert is looked for again."""

from __future__ import annotations

from dataclasses import replace

from monitor.alerts.causes.refresh import PAST_CAUSES_MAX, refresh_due, refreshed, with_cause
from monitor.alerts.lifecycle import LOOKS_SPOKEN
from monitor.findings import Alert, AlertKind, AlertStatus, Cause, FeatureScore, Span

MINUTE = 60 * 10**9


def cause(*features: str, verdict: str = "population_shift") -> Cause:
    return Cause(features[0], None, verdict, "", None, features=features)  # type: ignore[arg-type]  # a verdict


def an_alert(looks: int, *names: str, known: Cause | None = None) -> Alert:
    lines = tuple(FeatureScore(name, "js_distance", 2.0) for name in names or ("a",))
    return Alert(
        "f", "m", "1", AlertKind.DRIFT, AlertStatus.FIRING, window=Span(looks * MINUTE, (looks + 1) * MINUTE),
        features=lines, cause=known or cause("a"), memory={LOOKS_SPOKEN: float(looks)},
    )  # fmt: skip


def due(alert: Alert) -> bool:
    return refresh_due(alert, alert.window or Span(None, None))


def test_it_is_asked_at_each_scale_once() -> None:
    """At 2, 4, … 64 looks after it spoke, and never after."""
    asked, memory = [], {}
    for looks in range(1, 500):
        alert = an_alert(looks)
        alert = replace(alert, memory={**memory, **alert.memory})
        if due(alert):
            asked.append(looks)
            memory = refreshed(alert, None).memory
    assert asked == [2, 4, 8, 16, 32, 64]


def test_a_feature_that_joins_is_asked_about_at_once_but_not_again() -> None:
    """Between two scales once; what joins after that waits for the next one."""
    memory = refreshed(an_alert(4), None).memory
    alert = an_alert(5, "a", "b")
    alert = replace(alert, memory={**memory, **alert.memory})
    assert due(alert)
    after = refreshed(alert, cause("a", "b"))
    assert not due(after)
    assert not due(replace(after, features=(FeatureScore("c", "js_distance", 2.0),)))


def test_windows_that_do_not_show_it_and_alerts_that_are_over_ask_nothing() -> None:
    """There is nothing new to be found."""
    alert = an_alert(4)
    assert not refresh_due(alert, Span(0, MINUTE))
    assert not due(replace(alert, state=AlertStatus.RESOLVED))


def test_the_same_story_changes_nothing_and_a_new_verdict_does() -> None:
    """What is replaced goes to the causes of before."""
    alert = an_alert(4)
    assert refreshed(alert, cause("a")).past_causes == ()
    after = refreshed(alert, cause("a", verdict="data_fault"))
    assert (after.cause, after.past_causes) == (cause("a", verdict="data_fault"), (cause("a"),))


def test_the_causes_of_before_are_bounded() -> None:
    """The oldest go first."""
    alert = an_alert(4)
    for number in range(20):
        alert = with_cause(alert, cause(f"f{number}"))
    assert len(alert.past_causes) == PAST_CAUSES_MAX
    assert alert.past_causes[-1].feature == "f18"
