"""`outrider recompute MODEL WINDOW`: counts a closed window once more from its rows, and says whether that is what is stored."""

from __future__ import annotations

from typing import Annotated

import typer

from outrider.commands.api import LOCAL_MONITOR, MonitorApi, path_of
from outrider.commands.output import print_json

app = typer.Typer(add_completion=False)


@app.command()
def recompute(
    model: Annotated[str, typer.Argument(help="Name of the model.")],
    window: Annotated[str, typer.Argument(help="Start of the window (RFC 3339).")],
    version: Annotated[str | None, typer.Option(help="The model's version.")] = None,
    rule: Annotated[str | None, typer.Option(help="Name of the window rule, such as 5m.")] = None,
    monitor: Annotated[str, typer.Option(help="URL of the monitor.", envvar="OUTRIDER_MONITOR")] = LOCAL_MONITOR,
    json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> int:
    """Count WINDOW once more from its rows and labels; exit with 1 where that is not, to the bit, what is stored."""
    answer = MonitorApi(monitor).get(path_of(model, "/recompute"), window=window, version=version, rule=rule)
    if json:
        print_json(answer)
    else:
        word = "equal" if answer["equal"] else "DIFFERENT"
        print(
            f"{word}: {answer['rows']} rows, {answer['labels']} labels, {answer['values']} values, "
            f"baseline {answer['window']['baseline']}, tiles {answer['stored'][:16]} stored, {answer['computed'][:16]} now"
        )
        for one in answer["differences"]:
            print(
                f"  {one['metric']} {one['feature'] or ''} {one['slice'] or ''}: {one['stored']} stored, {one['computed']} now"
            )
        for part in answer["left_out"]:
            print(f"  not compared: {part}")
    return 0 if answer["equal"] else 1
