"""Decision records of what another library said after the window was looked at. Pure; they move no alert.

Its values have no interval: where a range is declared they are held against it as they are, and else shown.
"""

from __future__ import annotations

from monitor.alerts.evidence.distribution import ROWS_MIN
from monitor.definitions import MonitoredModel
from monitor.findings import Finding, Measurement, Span, Status

LATE = "said after the window was judged, so it moved no alert"


def finding_of_opinion(
    m: Measurement,
    model: MonitoredModel,
    *,
    version: str | None,
    window: Span,
    revision: int,
    baseline: str | None,
    code: str | None,
) -> Finding:
    value, status, reason = m.value, m.value.status, m.value.reason
    check = next((check for kind, check in model.checks.items() if kind == m.kind.value), None)
    found = check.tolerance.get(m.metric) if check is not None and check.enabled else None
    allowed = found if isinstance(found, tuple) and value.value is not None else None
    if allowed is not None and value.value is not None:
        if value.n_window < ROWS_MIN:
            status, why = Status.INSUFFICIENT_DATA, f"{value.n_window} rows are too few for a verdict"
        else:
            is_inside = allowed[0] <= value.value <= allowed[1]
            status, why = (Status.OK, "") if is_inside else (Status.CRITICAL, LATE)
        reason = "; ".join(filter(None, (reason, why))) or None
    return Finding.of(
        m,
        model=model.model,
        version=version,
        window=window,
        threshold=allowed,
        threshold_origin=None if allowed is None else "declared",
        status=status,
        reason=reason,
        revision=revision,
        baseline=baseline,
        code=code,
    )
