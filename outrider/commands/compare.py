"""`outrider compare BASELINE WINDOW`: measures one file against another, without a server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from monitor.findings import report_document
from monitor.jobs.compare import compare as compare_rows
from monitor.segments.files import read_rows
from outrider.commands.output import FailOn, declaration_or_default, fails, print_json, print_report, write_bytes

app = typer.Typer(add_completion=False)


@app.command()
def compare(
    baseline: Annotated[Path, typer.Argument(help="CSV or Parquet file: what the window is compared with.")],
    window: Annotated[Path, typer.Argument(help="CSV or Parquet file: what is measured.")],
    model: Annotated[Path | None, typer.Option(help="Declaration of the model; default: kinds are inferred.")] = None,
    time: Annotated[
        str | None, typer.Option(help="Event-time column; with it the baseline's order tells dependence.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One strict JSON document on standard output.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a self-contained HTML report to this file.")] = None,
    fail_on: Annotated[FailOn, typer.Option(help="Exit with 1 where this holds.")] = FailOn.NEVER,
) -> int:
    """Measure WINDOW against BASELINE and judge it: at most one false alarm in 1,000 runs."""
    declaration = declaration_or_default(model, window.stem)
    read = {path: read_rows(path, time=time, id=None) for path in (baseline, window)}
    names = (str(baseline), str(window))
    looked = compare_rows(read[baseline], read[window], declaration, time_ordered=time is not None, names=names)
    if html is not None:
        from dashboards.web.report import comparison_page  # noqa: PLC0415  (templates are only needed here)

        write_bytes(html, comparison_page(names, looked.findings, looked.transitions))
        print(f"report written to {html}", file=sys.stderr)
    if json:
        print_json(report_document(looked.findings, looked.transitions))
    else:
        print_report(looked.findings, looked.transitions)
    return fails(fail_on, looked.findings, looked.transitions)
