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
    console = Console(highlight=False)
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
    table = Table(box=None, pad_edge=False)
    for heading in (
        "feature",
        "metric",
        "value",
        "95 % interval",
        "limit",
        "n window",
        "n baseline",
        "status",
        "reason",
    ):
        table.add_column(
            heading, justify="right" if heading in ("value", "limit", "n window", "n baseline") else "left"
        )
    for finding in ranked[:ROWS_SHOWN]:
        table.add_row(*_cells(finding))
    console.print(table)
    if len(ranked) > ROWS_SHOWN:
        console.print(f"… and {len(ranked) - ROWS_SHOWN} more; --json has them all")


def _cells(finding: Finding) -> list[Text]:
    interval = (
        "" if finding.low is None or finding.high is None else f"{_number(finding.low)} to {_number(finding.high)}"
    )
    limit = finding.threshold
    limits = " to ".join(map(_number, limit)) if isinstance(limit, tuple) else _number(limit)
    name = finding.feature or finding.slice or "model"
    name = f"{name} [{finding.slice}]" if finding.feature and finding.slice else name
    texts = (
        name,
        finding.metric,
        _number(finding.value),
        interval,
        limits,
        f"{finding.n_window:,}",
        f"{finding.n_baseline:,}",
    )
    return [*map(Text, texts), Text(finding.status.value, STYLE[finding.status]), Text(finding.reason or "")]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def fails(fail_on: FailOn, findings: Sequence[Finding], transitions: Sequence[Transition]) -> int:
    alerted = any(t.state == AlertStatus.FIRING for t in transitions)
    warned = any(f.status in (Status.WARNING, Status.CRITICAL) for f in findings)
    return int((fail_on == FailOn.ALERT and alerted) or (fail_on == FailOn.WARNING and (alerted or warned)))
