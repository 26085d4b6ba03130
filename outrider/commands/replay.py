"""`backfill` into a monitor: its data directory (`--data`), or one that runs (`--monitor`)."""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import numpy as np

from collectors.records.encoding import encode_batch
from collectors.records.types import Batch
from monitor.definitions import MonitoredModel
from monitor.errors import InvalidInput, Unavailable
from monitor.findings import Finding, Transition, rfc3339
from monitor.jobs.profile_window import Explainer
from monitor.jobs.replay import predictions_of, replay
from monitor.main import open_service
from monitor.ports import CAME_UNKNOWN_NS, Labels
from monitor.settings import MonitorSettings
from monitor.tiles.rows import Rows
from monitor.windows.spans import DAY_NS
from outrider.code_version import code_version
from outrider.commands.api import MonitorApi, path_of
from outrider.main import installed_version

VALUES_PER_BATCH = 100_000
"""Values of the rows of one batch: well below a second of work here and there."""
RENEWED_SECONDS = 10.0
"""A monitor forgets a sender that it does not hear of for a minute."""
ROWS_PER_BATCH_MAX = 5_000
LABELS_PER_CALL = 100_000
WAIT_SECONDS = 600.0
"""How long the monitor may take to close the windows of what was sent."""


def into_directory(
    directory: Path,
    declaration: MonitoredModel,
    baseline: Rows,
    rows: Rows,
    labels: Labels | None,
    *,
    version: str,
    time_ordered: bool,
    explainer: Explainer | None,
) -> tuple[list[Finding], list[Transition]]:
    """The results stay in a data directory that `outrider monitor --data` can serve."""
    longest = max(w.every_ns or w.sliding_ns or w.session_gap_ns or DAY_NS for w in declaration.windows)
    end_ns = int(rows.time_ns.max()) + longest + max(w.lateness_ns for w in declaration.windows) + 1
    service = open_service(
        MonitorSettings(data=directory),
        version=installed_version(),
        code=code_version(),
        clock=lambda: max(end_ns, time.time_ns()),
        patient=False,
    )
    try:
        return replay(
            service.context,
            service.scheduler.run_pass,
            declaration,
            baseline,
            rows,
            labels,
            version=version,
            time_ordered=time_ordered,
            explainer=explainer,
        )
    finally:
        service.close()


def into_monitor(
    api: MonitorApi, declaration: MonitoredModel, rows: Rows, labels: Labels | None, *, version: str
) -> dict[str, object]:
    """Send the rows to a monitor that runs, then the labels; answers its measurements and alerts of their span."""
    model, sender = declaration.model, f"backfill-{uuid.uuid4().hex}"
    rows = rows.in_canonical_order()
    span_ns = int(rows.time_ns[0]), int(rows.time_ns[-1])
    with _awaited(api, model, version, sender) as renew:
        _send(api, declaration, rows, labels, version, sender, renew)
    window = {"from": rfc3339(span_ns[0] - DAY_NS), "to": rfc3339(span_ns[1] + 1)}
    _wait(api, model, version, len(rows), window)
    measurements = api.get_all(path_of(model, "/measurements"), version=version or None, **window)
    alerts = [
        t
        for a in api.get_all("/api/v1/alerts", model=model)
        for t in api.get(f"/api/v1/alerts/{a['fingerprint']}")["transitions"]
    ]
    return {"measurements": measurements, "alerts": sorted(alerts, key=lambda t: str(t["window"]["end"]))}


def _send(
    api: MonitorApi,
    declaration: MonitoredModel,
    rows: Rows,
    labels: Labels | None,
    version: str,
    sender: str,
    renew: Callable[[], None],
) -> None:
    each = min(ROWS_PER_BATCH_MAX, max(1, VALUES_PER_BATCH // _width(rows)))
    for sequence, first in enumerate(range(0, len(rows), each)):
        part = rows.take(slice(first, first + each))
        records = predictions_of(part, declaration.model, version, declaration.prediction.outputs)
        api.post(
            "/api/v1/records",
            encode_batch(Batch(sidecar=sender, sequence=sequence, records=tuple(records))),
            "application/octet-stream",
        )
        renew()
        print(f"\r{min(first + each, len(rows)):,} of {len(rows):,} rows sent", end="", file=sys.stderr)
    print(file=sys.stderr)
    if labels is not None and declaration.label is not None:
        for first in range(0, len(labels), LABELS_PER_CALL):
            renew()
            _send_labels(api, declaration, declaration.label.name, labels, slice(first, first + LABELS_PER_CALL))


@contextmanager
def _awaited(api: MonitorApi, model: str, version: str, sender: str) -> Iterator[Callable[[], None]]:
    """The monitor closes no window of the version before the end of this, or a batch would cut one; the function says that it goes on."""
    path = path_of(model, f"/awaited/{sender}")
    query = f"?version={quote(version)}" if version else ""
    heard = float("-inf")

    def renew() -> None:
        nonlocal heard
        if time.monotonic() - heard <= RENEWED_SECONDS:
            return
        heard = time.monotonic()
        try:
            api.put(f"{path}{query}", b"", "application/octet-stream")
        except InvalidInput as error:
            print(f"\nthe monitor's windows wait no longer: {error}", file=sys.stderr)
            heard = float("inf")

    renew()
    try:
        yield renew
    finally:
        api.delete(path)


def _width(rows: Rows) -> int:
    """Values of one row."""
    return sum(c.values.shape[1] if c.values.ndim > 1 else 1 for c in rows.columns.values()) or 1


def _send_labels(api: MonitorApi, declaration: MonitoredModel, name: str, labels: Labels, part: slice) -> None:
    items = zip(labels.id[part].tolist(), labels.value[part].tolist(), strict=True)
    found = [{declaration.id: i, name: v.item() if isinstance(v, np.generic) else v} for i, v in items]
    query = ""
    if labels.known_ns is not None and declaration.label is not None and declaration.label.time is not None:
        query = f"?time={quote(declaration.label.time)}"
        for one, known_ns in zip(found, labels.known_ns[part].tolist(), strict=True):
            one[declaration.label.time] = None if known_ns == CAME_UNKNOWN_NS else rfc3339(known_ns)
    api.post(path_of(declaration.model, f"/labels{query}"), json.dumps(found).encode(), "application/json")


def _wait(api: MonitorApi, model: str, version: str, rows: int, window: dict[str, str | None]) -> None:
    """Until the closed windows hold as many rows as were sent, or no more come."""
    deadline, last, since = time.monotonic() + WAIT_SECONDS, -1, time.monotonic()
    while time.monotonic() < deadline:
        found = api.get_all(path_of(model, "/windows"), version=version or None, **window)
        closed = sum(w["n_window"] for w in found)
        if closed != last:
            last, since = closed, time.monotonic()
        if closed >= rows or (time.monotonic() - since > 15 and closed):
            return
        time.sleep(1)
    raise Unavailable(
        f"monitor at {api.url}", f"closed windows hold {last:,} of {rows:,} rows after {WAIT_SECONDS:.0f} s"
    )
