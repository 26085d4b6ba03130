"""`outrider backfill MODEL FILE`: recorded predictions through windows, metrics and alerts in event time."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import numpy as np
import typer
from rich.console import Console
from rich.progress import Progress

from monitor.definitions import MonitoredModel
from monitor.errors import Fault, InvalidInput
from monitor.findings import Finding, Status, Transition, report_document, time_ns
from monitor.jobs.backfill import backfill as run_backfill
from monitor.jobs.backfill import split_baseline
from monitor.jobs.profile_window import Explainer
from monitor.jobs.rivals import champion_of
from monitor.jobs.set_baseline import build_baseline, resolve_kinds
from monitor.main import explainer_for, opinion_for
from monitor.ports import Labels
from monitor.segments.files import read_labels, read_rows
from monitor.tiles.rows import Rows
from monitor.tiles.tileset import Baseline
from monitor.windows.spans import cut
from outrider.code_version import code_version
from outrider.commands.api import MonitorApi, media_type_of, path_of
from outrider.commands.output import print_json, print_report, read_bytes, read_declaration
from outrider.commands.replay import into_directory, into_monitor

app = typer.Typer(add_completion=False)


@app.command()
def backfill(
    model: Annotated[str, typer.Argument(help="A declaration file, or the name of a model that the monitor knows.")],
    file: Annotated[Path, typer.Argument(help="CSV or Parquet file of recorded predictions.")],
    time: Annotated[str | None, typer.Option(help="Event-time column.")] = None,
    rate: Annotated[float | None, typer.Option(help="Rows a second, for a file without times.")] = None,
    start: Annotated[str | None, typer.Option(help="Time of the first row with --rate (RFC 3339).")] = None,
    baseline: Annotated[Path | None, typer.Option(help="Baseline file; default: the first fifth of FILE.")] = None,
    labels: Annotated[Path | None, typer.Option(help="Ground truth: the id column and the label's column.")] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            help="Recorded predictions of the version that this one is compared with: the champion, or `baseline: {version: …}`."
        ),
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Keep the results in a monitor's data directory.")] = None,
    monitor: Annotated[
        str | None, typer.Option(help="Send the rows to this monitor instead of measuring here.")
    ] = None,
    version: Annotated[str, typer.Option(help="The model's version.")] = "",
    json: Annotated[
        bool, typer.Option("--json", help="Every measurement and alert transition as one JSON document.")
    ] = False,
) -> int:
    """Send recorded predictions through the same windows, tiles, metrics and alerts as live ones."""
    if (time is None) == (rate is None):
        raise InvalidInput(Fault("--time, --rate", "both" if time else "neither", "exactly one"))
    if data is not None and monitor is not None:
        raise InvalidInput(Fault("--data, --monitor", "both", "at most one"))
    api = MonitorApi(monitor) if monitor is not None else None
    declaration = _declaration(model, api)
    _check_against(against, declaration, version, elsewhere=data is not None or api is not None)
    served = partial(read_rows, time=time, id=declaration.id, rate=rate, start_ns=time_ns(start, "--start"))
    rows = served(file)
    if declaration.features and not any(f.name in rows.columns for f in declaration.features):
        expected = ", ".join(f.name for f in declaration.features[:10])
        raise InvalidInput(
            Fault(str(file), "columns " + ", ".join(list(rows.columns)[:10]), f"a declared feature: {expected}")
        )
    truth = None if labels is None else _labels(labels, declaration)
    if api is not None:
        if baseline is not None:
            query = f"?time={quote(time)}" if time else ""
            api.put(path_of(declaration.model, f"/baseline{query}"), read_bytes(baseline), media_type_of(baseline.name))
        document = into_monitor(api, declaration, rows, truth, version=version)
        print_json(document)
        return 0
    if baseline is None:
        base, rows = split_baseline(rows)
        print(f"no --baseline: the first {len(base):,} rows of {file} are it", file=sys.stderr)
        time_ordered, source = True, str(file)
    else:
        (base, time_ordered), source = _read_baseline(baseline, time, declaration.id), str(baseline)
    resolved = resolve_kinds(base, declaration)
    explainer = explainer_for(resolved, base)
    if data is not None:
        findings, transitions = into_directory(
            data, declaration, base, rows, truth, version=version, time_ordered=time_ordered, explainer=explainer
        )
    else:
        profile = build_baseline(base, resolved, time_ordered=time_ordered, source=source, explainer=explainer)
        other = None if against is None else served(against)
        findings, transitions = _in_memory(rows, truth, resolved, profile, version, explainer, base, other)
    if json:
        print_json(report_document(findings, transitions))
    else:
        beyond = [f for f in findings if f.status in (Status.CRITICAL, Status.WARNING)]
        print_report(beyond, transitions)
        if not beyond:
            print(f"{len(findings):,} measurements, none beyond its limit; --json has them all")
    return 0


def _check_against(against: Path | None, model: MonitoredModel, version: str, *, elsewhere: bool) -> None:
    """Rows of another version are of use where the declaration compares with it, and here where nobody keeps them."""
    compared, champion = model.baseline.version, champion_of(model, version)
    if against is None:
        if compared not in (None, version) and not elsewhere:
            print(f"no --against: nothing says what version {compared} served; drift has no verdict", file=sys.stderr)
        elif champion is not None and not elsewhere:
            print(f"no --against: {version} is held against the baseline, not against {champion}", file=sys.stderr)
        return
    if elsewhere:
        raise InvalidInput(Fault("--against", str(against), "its rows sent there first, with their own --version"))
    if compared in (None, version) and champion is None:
        expected = "a declaration whose `baseline` names another version, or whose `versions` make this one a candidate"
        raise InvalidInput(Fault("--against", str(against), expected))
    if champion is not None and compared not in (None, version, champion):
        expected = f"one version to compare with: the baseline names {compared}, the champion is {champion}"
        raise InvalidInput(Fault("--against", str(against), expected))


def _in_memory(
    rows: Rows,
    labels: Labels | None,
    model: MonitoredModel,
    baseline: Baseline,
    version: str,
    explainer: Explainer | None,
    baseline_rows: Rows,
    against: Rows | None,
) -> tuple[list[Finding], list[Transition]]:
    findings: list[Finding] = []
    transitions: list[Transition] = []
    total = sum(len(cut(rule, np.sort(rows.time_ns))) for rule in model.windows)
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        bar = progress.add_task("windows", total=total)
        steps = run_backfill(
            rows,
            labels,
            model,
            baseline,
            code=code_version(),
            version=version,
            explainer=explainer,
            baseline_rows=baseline_rows,
            opinion=opinion_for(model, baseline_rows),
            against=against,
        )
        for step in steps:
            findings.extend(step.looked.findings)
            transitions.extend(step.looked.transitions)
            progress.advance(bar)
    # Each rule went through the whole time by itself.
    return findings, sorted(transitions, key=lambda t: t.window.end_ns or 0)


def _declaration(model: str, api: MonitorApi | None) -> MonitoredModel:
    """From a file, or by name from the monitor (the local one unless --monitor says otherwise)."""
    if Path(model).is_file():
        return read_declaration(Path(model))
    if api is None:
        expected = "a declaration file, or with --monitor the name of a model that it knows"
        raise InvalidInput(Fault("MODEL", repr(model), expected))
    return MonitoredModel.from_document(api.get(path_of(model))["declaration"])


def _read_baseline(path: Path, time: str | None, id_column: str) -> tuple[Rows, bool]:
    """The baseline's rows, and whether they are in time order: they are where the time column is there."""
    rows = read_rows(path, time=None, id=id_column)
    if time is None or time not in rows.columns:
        return rows, False
    return read_rows(path, time=time, id=id_column), True


def _labels(path: Path, declaration: MonitoredModel) -> Labels:
    if declaration.label is None:
        raise InvalidInput(Fault("--labels", str(path), "a declaration with `label: {name: …}`"))
    return read_labels(path, declaration.id, declaration.label.name, declaration.label.time)
