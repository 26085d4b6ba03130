"""`outrider labels MODEL FILE`: adds ground truth by prediction id, however late."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from outrider.commands.api import LOCAL_MONITOR, MonitorApi, media_type_of, path_of
from outrider.commands.output import print_json, read_bytes

app = typer.Typer(add_completion=False)


@app.command()
def labels(
    model: Annotated[str, typer.Argument(help="Name of the model.")],
    file: Annotated[
        Path, typer.Argument(help="CSV, Parquet, JSON or NDJSON with the id column and the label's column.")
    ],
    time: Annotated[str | None, typer.Option(help="Column that says when each label was known.")] = None,
    monitor: Annotated[str, typer.Option(help="URL of the monitor.", envvar="OUTRIDER_MONITOR")] = LOCAL_MONITOR,
    json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> int:
    """Add labels to MODEL; the windows they belong to are revised."""
    query = f"?time={quote(time)}" if time else ""
    answer = MonitorApi(monitor).post(path_of(model, f"/labels{query}"), read_bytes(file), media_type_of(file.name))
    if json:
        print_json(answer)
    else:
        waiting = f", {answer['unknown']:,} of them wait for their prediction" if answer["unknown"] else ""
        print(f"{answer['accepted']:,} labels of {model} accepted{waiting}")
    return 0
