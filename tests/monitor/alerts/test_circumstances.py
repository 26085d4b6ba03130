"""Deployments and traffic that fell away hold symptoms back, with their reason, and not for ever."""

from __future__ import annotations

import pytest

from monitor.alerts.circumstances import DEPLOYED_NS, DROP_NS_MAX, USUAL_WINDOWS, Circumstances, held_by
from monitor.alerts.routing import muted
from monitor.findings import AlertKind, AlertStatus, Held, HeldFor, Span, Transition

MINUTE = 60 * 10**9
WINDOW = Span(0, MINUTE)
STEADY = (300,) * (USUAL_WINDOWS + 1)


def test_a_deployment_holds_back_for_half_an_hour() -> None:
    """Then what is still open is told."""
    around = Circumstances(deployed_ns=0)
    held = held_by(around, "v2", WINDOW, 12 * MINUTE)
    told = "version v2 was deployed at 1970-01-01T00:00:00Z, told from 1970-01-01T00:30:00Z on"
    assert held == Held(HeldFor.DEPLOYMENT, f"held back: {told}", 12 * MINUTE)
    assert held_by(around, "v2", WINDOW, DEPLOYED_NS) is None


@pytest.mark.parametrize(
    ("rows", "held"),
    [
        ((*STEADY, 29), True),
        ((*STEADY, 0), True),
        ((*STEADY, 30), False),
        ((300,) * (USUAL_WINDOWS - 1) + (3,), False),
        ((), False),
    ],
)
def test_a_tenth_of_the_usual_traffic_compares_with_nothing(rows: tuple[int, ...], held: bool) -> None:
    """Where ten windows tell what is usual."""
    found = held_by(Circumstances(rows=rows, own=min(rows, default=0)), "v2", WINDOW, 2 * MINUTE)
    text = f"held back: traffic fell to {rows[-1] if rows else 0} rows a window, usual are 300"
    assert found == (Held(HeldFor.TRAFFIC, text, 2 * MINUTE) if held else None)


def test_an_alert_seen_in_full_traffic_is_told() -> None:
    """Silence that came after it explains nothing."""
    assert held_by(Circumstances(rows=(*STEADY, 0), own=300), "v2", WINDOW, 2 * MINUTE) is None


def test_traffic_that_stays_away_is_the_new_traffic() -> None:
    """Nothing is held back for ever."""
    assert held_by(Circumstances(rows=(*STEADY, 1), own=1), "v2", WINDOW, MINUTE + DROP_NS_MAX) is None


@pytest.mark.parametrize(
    ("kind", "state", "held"),
    [
        (AlertKind.DRIFT, AlertStatus.FIRING, True),
        (AlertKind.ANOMALY, AlertStatus.FIRING, True),
        (AlertKind.DRIFT, AlertStatus.RESOLVED, False),
        (AlertKind.PERFORMANCE, AlertStatus.FIRING, False),
        (AlertKind.QUALITY, AlertStatus.FIRING, False),
    ],
)
def test_only_symptoms_are_held_back(kind: AlertKind, state: AlertStatus, held: bool) -> None:
    """A model that is wrong right after its deployment is the news itself."""
    transition = Transition("f", "m", "v2", kind, state, 0, WINDOW, 0.2, 0.05)
    reason = muted(transition, [], [], now_ns=MINUTE, circumstances=Circumstances(deployed_ns=0))
    assert (reason is not None) is held
