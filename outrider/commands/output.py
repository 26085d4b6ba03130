"""What the commands share: reading a declaration, strict JSON, the table of findings, `--fail-on`."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from monitor.definitions import MonitoredModel, document_of
from monitor.errors import Fault, InvalidInput
from monitor.findings import AlertStatus, Finding, Status, Transition

STYLE = {
    Status.OK: "green",
    Status.WARNING: "yellow",
    Status.CRITICAL: "bold red",
    Status.INSUFFICIENT_DATA: "dim",
    Status.UNDEFINED: "dim",
    Status.NO_DATA: "dim",
    Status.ERROR: "bold magenta",
}
ROWS_SHOWN = 40
"""Lines of the table on a terminal; `--json` has them all."""
REASONS_SHOWN = 10
"""Lines below it that say why there is no value, or no verdict."""
WIDE_COLUMNS = 100
"""Of a terminal that has room for the baseline's counts too."""
METRIC_COLUMNS, LIMIT_COLUMNS, STATUS_COLUMNS = 14, 7, 8
"""Most names of metrics, one end of a range, and `critical` fit."""
FILE_COLUMNS = 160
"""Where the output is no terminal, nothing is folded."""


class FailOn(StrEnum):
    NEVER = "never"
    ALERT = "alert"
    WARNING = "warning"


def read_bytes(path: Path) -> bytes:
    """A user's file, whole. Raises InvalidInput that names it."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(Fault(str(path), error.strerror or str(error), "a readable file")) from error


def write_bytes(path: Path, data: bytes) -> None:
    """A file that the user asked for. Raises InvalidInput that names it."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise InvalidInput(Fault(str(path), error.strerror or str(error), "a place to write to")) from error


def read_declaration(path: Path) -> MonitoredModel:
    """A model's declaration from a YAML file. Raises InvalidInput that names the file and every fault's place."""
    document = document_of(read_bytes(path), str(path))
    try:
        return MonitoredModel.from_document(document)
    except InvalidInput as error:
        raise InvalidInput([Fault(f"{path}: {f.where}", f.found, f.expected) for f in error.faults]) from error


def declaration_or_default(path: Path | None, stem: str) -> MonitoredModel:
    if path is not None:
        return read_declaration(path)
    return MonitoredModel(model=re.sub(r"[^A-Za-z0-9._-]", "-", stem).lstrip("._-")[:128] or "window")


def print_json(document: dict[str, Any]) -> None:
    """Strict JSON: a NaN or an infinity in it is a defect of ours, and raises."""
    sys.stdout.write(json.dumps(document, allow_nan=False, ensure_ascii=False) + "\n")


def print_report(findings: Sequence[Finding], transitions: Sequence[Transition]) -> None:
    """Alerts first, then the findings, worst first."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else FILE_COLUMNS)
    for transition in transitions:
        style = "bold red" if transition.state == AlertStatus.FIRING else "green"
        console.print(Text(f"{transition.state.value.upper()} {transition.kind.value}: {transition.summary}", style))
        if transition.cause is not None:
            console.print(Text(f"  {transition.cause.summary}"))
    if not findings:
        return
    order = list(STYLE)
    rank = {Status.CRITICAL: 0, Status.WARNING: 1, Status.ERROR: 2, Status.NO_DATA: 3, Status.UNDEFINED: 4}
    ranked = sorted(findings, key=lambda f: (rank.get(f.status, 5 + order.index(f.status)), -(f.score or 0.0)))
    console.print(_table(ranked[:ROWS_SHOWN], wide=console.width >= WIDE_COLUMNS))
    if len(ranked) > ROWS_SHOWN:
        console.print(f"… and {len(ranked) - ROWS_SHOWN} more; --json has them all")
    for finding in [f for f in ranked if f.reason and f.status != Status.OK][:REASONS_SHOWN]:
        console.print(Text(f"{_of(finding)}, {finding.metric}: {finding.reason}", STYLE[finding.status]))


def _table(findings: Sequence[Finding], *, wide: bool) -> Table:
    """Names give way where a terminal is narrow, numbers never do."""
    table = Table(box=None, pad_edge=False, padding=(0, 1) if wide else (0, 1, 0, 0))
    table.add_column("feature", overflow="fold")
    table.add_column("metric", overflow="fold", min_width=METRIC_COLUMNS)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("95 % interval", no_wrap=True)
    # A limit may be a range: it is folded between its ends.
    table.add_column("limit", justify="right", max_width=None if wide else LIMIT_COLUMNS)
    for heading in ("n window", "n baseline") if wide else ("n",):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("status", overflow="fold", min_width=STATUS_COLUMNS)
    for finding in findings:
        table.add_row(*_cells(finding, wide=wide))
    return table


def _of(finding: Finding) -> str:
    name = finding.feature or finding.slice or "model"
    return f"{name} [{finding.slice}]" if finding.feature and finding.slice else name


def _cells(finding: Finding, *, wide: bool) -> list[Text]:
    interval = (
        "" if finding.low is None or finding.high is None else f"{_number(finding.low)} to {_number(finding.high)}"
    )
    limit = finding.threshold
    limits = " to ".join(map(_number, limit)) if isinstance(limit, tuple) else _number(limit)
    counts = [f"{finding.n_window:,}", *([f"{finding.n_baseline:,}"] if wide else [])]
    texts = (_of(finding), finding.metric, _number(finding.value), interval, limits, *counts)
    return [*map(Text, texts), Text(finding.status.value, STYLE[finding.status])]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def fails(fail_on: FailOn, findings: Sequence[Finding], transitions: Sequence[Transition]) -> int:
    alerted = any(t.state == AlertStatus.FIRING for t in transitions)
    warned = any(f.status in (Status.WARNING, Status.CRITICAL) for f in findings)
    return int((fail_on == FailOn.ALERT and alerted) or (fail_on == FailOn.WARNING and (alerted or warned)))
