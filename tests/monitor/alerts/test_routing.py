"""Who is told."""

from dataclasses import dataclass, replace

import pytest

from monitor.alerts.lifecycle import inactive
from monitor.alerts.routing import Bucket, muted
from monitor.findings import AlertKind, AlertStatus, FeatureScore, Held, HeldFor, Span, Transition

SECOND = 10**9


@dataclass(frozen=True)
class Quiet:
    id: str = "s1"
    model: str | None = None
    kind: AlertKind | None = None
    start_ns: int = 0
    end_ns: int = 100


def transition(kind=AlertKind.DRIFT, state=AlertStatus.FIRING, model="m"):
    return Transition("f", model, "1", kind, state, 0, Span(0, 1), 0.2, 0.05)


def alert(kind, state=AlertStatus.FIRING, version="1"):
    return inactive("m", version, kind).moved(state)


@pytest.mark.parametrize(
    ("silence", "expected"),
    [
        (Quiet(), Held(HeldFor.SILENCE, "silenced by s1", 50)),
        (Quiet(model="m", kind=AlertKind.DRIFT), Held(HeldFor.SILENCE, "silenced by s1", 50)),
        (Quiet(model="other"), None),
        (Quiet(kind=AlertKind.QUALITY), None),
        (Quiet(end_ns=50), None),
        (Quiet(start_ns=60), None),
    ],
)
def test_silences_match_by_model_kind_and_time(silence, expected):
    """A silence mutes what it names, while it lasts."""
    assert muted(transition(), [silence], [], now_ns=50) == expected


@pytest.mark.parametrize(
    ("cause", "symptom", "mutes"),
    [
        (AlertKind.CAPTURE, AlertKind.QUALITY, True),
        (AlertKind.CAPTURE, AlertKind.DRIFT, True),
        (AlertKind.QUALITY, AlertKind.DRIFT, True),
        (AlertKind.QUALITY, AlertKind.ANOMALY, True),
        (AlertKind.QUALITY, AlertKind.ATTRIBUTION, True),
        (AlertKind.QUALITY, AlertKind.PERFORMANCE, False),
        (AlertKind.DRIFT, AlertKind.QUALITY, False),
        (AlertKind.DRIFT, AlertKind.PREDICTION_DRIFT, False),
    ],
)
def test_causes_mute_their_symptoms(cause, symptom, mutes):
    """Capture before quality before drift, anomaly and attribution."""
    assert (muted(transition(symptom), [], [alert(cause)], now_ns=0) is not None) == mutes


def test_only_an_open_cause_of_the_same_version_mutes():
    """A resolved cause, or one of another version, mutes nothing."""
    causes = [alert(AlertKind.QUALITY, AlertStatus.RESOLVED), alert(AlertKind.QUALITY, version="2")]
    assert muted(transition(), [], causes, now_ns=0) is None


def test_a_resolve_is_never_inhibited():
    """Whoever was paged hears of the end, though a cause is open by then."""
    assert muted(transition(state=AlertStatus.RESOLVED), [], [alert(AlertKind.QUALITY)], now_ns=0) is None


def test_a_storm_is_let_through_up_to_the_capacity_and_then_by_time():
    """Three at once, then one a second."""
    bucket, allowed = Bucket(capacity=3, every_ns=SECOND, tokens=3.0), []
    for now in (1, 1, 1, 1, 1 + SECOND, 1 + SECOND):
        bucket, may = bucket.take(now)
        allowed.append(may)
    assert allowed == [True, True, True, False, True, False]


def test_a_slow_service_holds_nothing_back():
    """A candidate that is slower than the champion is no fault of the data; with a missing column beside it, it is."""
    slow = FeatureScore("against the champion", "latency", 2.0)
    cause = replace(inactive("income", "1", AlertKind.QUALITY), state=AlertStatus.FIRING, features=(slow,))
    drift = replace(inactive("income", "1", AlertKind.DRIFT), state=AlertStatus.FIRING)
    assert muted(drift, [], [cause], now_ns=0) is None
    missing = FeatureScore("age", "missing_ratio", 2.0)
    assert muted(drift, [], [replace(cause, features=(slow, missing))], now_ns=0) is not None
