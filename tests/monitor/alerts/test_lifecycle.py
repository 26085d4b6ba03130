"""The life of an alert, look by look."""

from dataclasses import replace

import pytest

from monitor.alerts.kind_evidence import KindEvidence
from monitor.alerts.lifecycle import (
    CLEAR_LOOKS,
    REPEAT_NS,
    advance,
    alert_labels,
    fingerprint,
    inactive,
    was_told,
)
from monitor.findings import AlertKind, AlertStatus, FeatureScore, Span

MINUTE = 60 * 10**9
LOUD = KindEvidence(
    AlertKind.DRIFT,
    fired=True,
    evidence=True,
    insufficient=False,
    quiet={1: False},
    value=0.2,
    threshold=0.05,
    severity_low=3.0,
    severity_high=5.0,
    severity_sure=2.0,
    strength=2.0,
    strength_sure=1.8,
    scale_max=64,
    features=(FeatureScore("a", "js_distance", 1.5, 0.2, "mean 1 against 0"),),
    summary="a: mean 1 against 0",
)
ALONE = replace(LOUD, fired=False)
QUIET = KindEvidence(AlertKind.DRIFT, False, False, False, {1: True}, scale_max=64)
THIN = KindEvidence(AlertKind.DRIFT, False, False, True)
WORSE = replace(LOUD, value=0.7, severity_low=12.0, severity_high=15.0, severity_sure=11.0)


class Life:
    """An alert that is shown one look after another and remembers what was told."""

    def __init__(self):
        self.alert = inactive("m", "1", AlertKind.DRIFT)
        self.told = []
        self.index = 0

    def sees(self, *looks):
        for evidence in looks:
            self.at(self.index, evidence)
            self.index += 1
        return self

    def at(self, index, evidence, *, revised=False):
        span = Span(index * MINUTE, (index + 1) * MINUTE)
        self.alert, transition = advance(self.alert, evidence, span, revised=revised)
        if transition is not None:
            self.told.append((index, transition))
        return self

    @property
    def states(self):
        return [(i, t.state.value) for i, t in self.told]


def test_evidence_with_effect_fires_at_once():
    """The first look with both gates tells a person, with the answer first."""
    life = Life().sees(QUIET, LOUD)
    assert life.states == [(1, "firing")]
    transition = life.told[0][1]
    assert transition.summary.startswith("Inputs drifted: a: mean 1 against 0")
    assert transition.since_ns == 2 * MINUTE
    assert (transition.value, transition.threshold, transition.peak) == (0.2, 0.05, 0.2)


def test_evidence_alone_is_pending_and_tells_nobody():
    """Warnings do not page; they leave when the evidence does."""
    life = Life().sees(ALONE)
    assert life.alert.state is AlertStatus.PENDING
    life.sees(QUIET)
    assert life.alert.state is AlertStatus.INACTIVE
    assert life.told == []


def test_a_lasting_shift_is_told_once():
    """Two hundred looks at the same effect, one page."""
    assert Life().sees(*[LOUD] * 200).states == [(0, "firing")]


def test_an_alert_resolves_after_quiet_looks_in_a_row():
    """One loud look among them starts the count anew."""
    life = Life().sees(LOUD, QUIET, QUIET, LOUD, *[QUIET] * CLEAR_LOOKS)
    assert life.states == [(0, "firing"), (3 + CLEAR_LOOKS, "resolved")]
    assert life.told[0][1].fingerprint == life.told[1][1].fingerprint
    assert "quiet for 3 looks" in life.told[1][1].summary


def test_evidence_without_effect_does_not_resolve():
    """The statistic above 0.9 of its limit is not quiet, whatever the effect."""
    assert Life().sees(LOUD, *[ALONE] * 20).states == [(0, "firing")]


def test_a_faint_shift_clears_only_at_the_scale_that_shows_it():
    """What single windows never showed is not over because single windows are quiet."""
    faint = replace(LOUD, strength=0.3, strength_sure=0.2, scale=32, quiet={1: True, 32: False})
    life = Life().sees(faint, *[QUIET] * 20)
    assert life.states == [(0, "firing")]
    life.sees(replace(QUIET, quiet={1: True, 32: True}))
    assert life.states == [(0, "firing"), (21, "resolved")]


def test_long_merges_do_not_hold_a_plain_shift_open():
    """Where one window shows it plainly, merges that still contain it are not asked."""
    stale = replace(LOUD, scale=64, quiet={1: True, 64: False}, strength=0.2, strength_sure=0.1)
    assert Life().sees(LOUD, *[stale] * CLEAR_LOOKS).states == [(0, "firing"), (CLEAR_LOOKS, "resolved")]


def test_where_the_baseline_is_too_small_for_the_merge_looks_in_a_row_stand_in():
    """A needed merge of 32 that never comes does not keep the alert open for ever."""
    faint = replace(LOUD, strength=0.3, strength_sure=0.2, scale=4, scale_max=4, quiet={1: True, 4: False})
    calm = replace(QUIET, scale_max=4)
    states = Life().sees(faint, *[calm] * 100).states
    assert states[-1] == (64, "resolved")


def test_an_open_alert_speaks_again_when_it_is_surely_twice_as_bad():
    """Once, with `escalated`, and the peak is kept."""
    life = Life().sees(LOUD, WORSE, WORSE, LOUD)
    assert life.states == [(0, "firing"), (1, "firing")]
    assert life.told[1][1].escalated
    assert life.alert.peak == 0.7


def test_more_rows_alone_do_not_make_it_speak_again():
    """A lower end that doubles because the interval narrows stays within what was spoken of."""
    narrower = replace(LOUD, severity_low=4.8, severity_high=5.1, severity_sure=4.6)
    vague = replace(LOUD, severity_low=1.1, severity_high=6.0)
    assert Life().sees(vague, *[narrower] * 10).states == [(0, "firing")]


def test_no_data_is_not_recovery():
    """A firing alert holds for two looks, then says no_data, and goes on where data come back."""
    life = Life().sees(LOUD, None, None)
    assert life.alert.state is AlertStatus.FIRING
    life.sees(None, None)
    assert life.states == [(0, "firing"), (3, "no_data")]
    life.sees(LOUD, *[QUIET] * CLEAR_LOOKS)
    assert life.states[-1] == (5 + CLEAR_LOOKS, "resolved")


def test_thin_windows_neither_clear_nor_count():
    """Insufficient looks leave an open alert as it is, and show as such at rest."""
    assert Life().sees(LOUD, *[THIN] * 10).states == [(0, "firing")]
    assert Life().sees(THIN).alert.state is AlertStatus.INSUFFICIENT_DATA


def test_it_may_fire_again_after_it_resolved():
    """A second shift is new: a new page with its own start."""
    life = Life().sees(LOUD, *[QUIET] * 5, LOUD)
    assert [s for _, s in life.states] == ["firing", "resolved", "firing"]
    assert life.told[2][1].since_ns == 7 * MINUTE
    assert not life.told[2][1].escalated


def test_revising_an_old_window_of_an_open_alert_tells_nothing():
    """Late rows change the past, never a second alarm for old news."""
    life = Life().sees(QUIET, LOUD, LOUD).at(1, WORSE, revised=True).at(0, QUIET, revised=True)
    assert life.states == [(1, "firing")]


def test_an_old_window_may_open_an_alert_once_while_it_is_fresh():
    """Late labels show what nobody was told: one transition, marked as revised."""
    life = Life().sees(*[QUIET] * 5).at(2, LOUD, revised=True).at(2, LOUD, revised=True)
    assert life.states == [(2, "firing")]
    assert life.told[0][1].revised


def test_windows_from_before_the_resolve_never_reopen():
    """Evidence that was told is not told again by a revision."""
    life = Life().sees(LOUD, *[QUIET] * 4).at(0, LOUD, revised=True)
    assert [s for _, s in life.states] == ["firing", "resolved"]


def test_windows_of_a_life_that_is_over_were_told():
    """From the one that opened the alert to the one that ended it, and only once it has ended."""
    life = Life().sees(QUIET, LOUD, LOUD)
    spans = [Span(i * MINUTE, (i + 1) * MINUTE) for i in range(8)]
    assert not any(was_told(life.alert, span) for span in spans)
    life.sees(*[QUIET] * 3)
    assert life.states == [(1, "firing"), (5, "resolved")]
    assert [i for i, span in enumerate(spans) if was_told(life.alert, span)] == [1, 2, 3, 4, 5]


def test_windows_older_than_the_repeat_interval_are_history():
    """A re-run of last week pages nobody."""
    far = REPEAT_NS // MINUTE + 10
    life = Life()
    life.index = far
    life.sees(QUIET).at(2, LOUD, revised=True)
    assert life.told == []


def test_the_same_window_revised_may_fire_late():
    """A window of which the labels come at a later revision is news when they do."""
    life = Life().sees(QUIET).at(0, LOUD, revised=True)
    assert life.states == [(0, "firing")]
    assert life.told[0][1].revised


def test_compare_has_no_time():
    """Its one transition has neither window nor start."""
    alert, transition = advance(inactive("m", None, AlertKind.DRIFT), LOUD, Span(None, None))
    assert alert.state is AlertStatus.FIRING
    assert transition is not None
    assert transition.since_ns is None


def test_a_fingerprint_is_of_labels_in_any_order_and_only_of_them():
    """Same labels, same alert; another version is another alert."""
    labels = alert_labels("m", "1", AlertKind.DRIFT)
    assert fingerprint(labels) == fingerprint(dict(reversed(labels.items())))
    assert fingerprint(labels) != fingerprint(alert_labels("m", "2", AlertKind.DRIFT))


def test_the_peak_of_a_falling_metric_is_its_lowest():
    """For performance, worse is lower."""
    low = replace(LOUD, value=0.80, threshold=0.88)
    life = Life().sees(low, replace(low, value=0.70), replace(low, value=0.85))
    assert life.alert.peak == 0.70


@pytest.mark.parametrize("kind", list(AlertKind))
def test_every_kind_has_a_name_for_its_alert(kind):
    """Labels exist for all kinds that the contract knows."""
    assert alert_labels("m", None, kind)["alertname"].startswith("Outrider")
