"""The monitor's own counts."""

from __future__ import annotations

from monitor.exporters.telemetry import CHILDREN_MAX, OTHER, Telemetry


def value(telemetry: Telemetry, name: str, **labels: str) -> float:
    return sum(
        s.value for f in telemetry.collect() for s in f.samples if s.name == name and labels.items() <= s.labels.items()
    )


def test_known_families_exist_before_anything_happens() -> None:
    """A counter without labels is there at 0, so that its first increase is seen."""
    names = {s.name for f in Telemetry("1.2.3").collect() for s in f.samples}
    assert {"outrider_build_info", "outrider_received_batches_total", "outrider_limited_label_values_total"} <= names


def test_no_created_samples() -> None:
    """Start times would double the series."""
    telemetry = Telemetry("1")
    telemetry.window_finished("m", "5m", 1.0)
    assert not [s for f in telemetry.collect() for s in f.samples if s.name.endswith("_created")]


def test_what_happens_is_counted_once() -> None:
    """Each event moves its own counter."""
    telemetry = Telemetry("1")
    telemetry.batch_received()
    telemetry.batch_received(duplicate=True)
    telemetry.records_received("prediction", 7)
    telemetry.batch_refused("malformed")
    telemetry.window_started("m", "5m")
    telemetry.window_failed("m", "5m", "Unavailable")
    telemetry.budget_spent("m", 0.25)
    telemetry.budget_spent("m", 0.5)
    telemetry.sent("elasticsearch", 3, 5 * 10**9)
    telemetry.not_sent("elasticsearch", 1, "strict_dynamic_mapping_exception")
    telemetry.retried("elasticsearch")
    telemetry.notified("webhook")
    telemetry.notification_postponed("webhook")
    telemetry.notification_failed("webhook", "refused")
    assert value(telemetry, "outrider_alarm_budget_spent_total", model="m") == 0.75
    assert value(telemetry, "outrider_received_batches_total") == 1
    assert value(telemetry, "outrider_duplicate_batches_total") == 1
    assert value(telemetry, "outrider_received_records_total", type="prediction") == 7
    assert value(telemetry, "outrider_refused_batches_total", reason="malformed") == 1
    assert value(telemetry, "outrider_window_runs_total", model="m", window="5m") == 1
    assert value(telemetry, "outrider_window_failures_total", reason="Unavailable") == 1
    assert value(telemetry, "outrider_sink_records_total") == 3
    assert value(telemetry, "outrider_sink_failed_records_total") == 1
    assert value(telemetry, "outrider_sink_retries_total") == 1
    assert value(telemetry, "outrider_sink_last_success_timestamp_seconds") == 5
    assert value(telemetry, "outrider_notifications_total") == 1
    assert value(telemetry, "outrider_notification_retries_total") == 1
    assert value(telemetry, "outrider_notification_failures_total") == 1


def test_a_family_folds_what_is_beyond_its_limit() -> None:
    """Whatever label values arrive, a family stays bounded and the folding is counted."""
    telemetry = Telemetry("1")
    for i in range(CHILDREN_MAX + 5):
        telemetry.window_started(f"m{i}", "5m")
    assert value(telemetry, "outrider_window_runs_total", model=OTHER) == 5
    assert value(telemetry, "outrider_limited_label_values_total", label="telemetry") == 5
    assert value(telemetry, "outrider_window_runs_total") == CHILDREN_MAX + 5
