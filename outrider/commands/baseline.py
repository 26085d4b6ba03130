"""`outrider baseline MODEL FILE`: sets what windows are compared with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from outrider.commands.api import LOCAL_MONITOR, MonitorApi, media_type_of, path_of
from outrider.commands.output import print_json, read_bytes

app = typer.Typer(add_completion=False)


@app.command()
def baseline(
    model: Annotated[str, typer.Argument(help="Name of the model.")],
    file: Annotated[Path, typer.Argument(help="CSV or Parquet: features, predictions and labels as served.")],
    time: Annotated[str | None, typer.Option(help="Event-time column, where the rows have one.")] = None,
    monitor: Annotated[str, typer.Option(help="URL of the monitor.", envvar="OUTRIDER_MONITOR")] = LOCAL_MONITOR,
    json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> int:
    """Set the baseline of MODEL from FILE; it is in force for every window closed from now on."""
    path = path_of(model, "/baseline") + (f"?time={quote(time)}" if time else "")
    answer = MonitorApi(monitor).put(path, read_bytes(file), media_type_of(file.name))
    if json:
        print_json(answer)
    else:
        print(f"baseline of {model}: {answer['rows']:,} rows ({answer['baseline']})")
    return 0
