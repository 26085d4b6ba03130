"""Compare two tables of rows without a server: one look, one window without a time."""

from __future__ import annotations

from monitor.alerts.budget import Plan, families_present
from monitor.definitions import MonitoredModel
from monitor.errors import Fault, InvalidInput
from monitor.findings import Span
from monitor.jobs.find_cause import Records, with_causes
from monitor.jobs.look import Looked, Subject, Track, take_look
from monitor.jobs.profile_window import profile_window, with_label_column
from monitor.jobs.set_baseline import build_baseline, resolve_kinds
from monitor.tiles.rows import Rows


def compare(
    baseline_rows: Rows, window_rows: Rows, model: MonitoredModel, *, time_ordered: bool = False, names: tuple[str, str]
) -> Looked:
    """Measure and judge a window against a baseline. `names` are the inputs' names, for faults."""
    model = resolve_kinds(baseline_rows, model)
    baseline = build_baseline(baseline_rows, model, time_ordered=time_ordered, source=names[0])
    features = [f.name for f in model.features]
    if not any(f in window_rows.columns for f in features):
        found = ", ".join(list(window_rows.columns)[:10])
        raise InvalidInput(
            Fault(names[1], f"columns {found}", "a feature of the baseline: " + ", ".join(features[:10]))
        )
    profiled = profile_window(window_rows, None, baseline, model)
    plan = Plan.for_compare(model, families_present(model, baseline))
    subject, span = Subject(model, "", baseline), Span(None, None)
    track, looked = take_look(Track(), subject, span, profiled.tiles, plan=plan)
    own = with_label_column(window_rows, model)
    records = Records(lambda: [(span, profiled.tiles)], lambda _: own, lambda: with_label_column(baseline_rows, model))
    return with_causes(track, looked, span, subject, records)[1]
