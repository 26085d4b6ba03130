"""`outrider demo`: a real server, the sidecar, the monitor, live traffic that drifts, and the alert."""

from __future__ import annotations

from typing import Annotated

import typer

from outrider.demo.show import show

app = typer.Typer(add_completion=False)


@app.command()
def demo(
    for_: Annotated[
        float | None, typer.Option("--for", help="Run for this many seconds, whatever happens.", min=1.0)
    ] = None,
    keep: Annotated[bool, typer.Option(help="Stay up after the alert, until interrupted.")] = False,
) -> int:
    """Start everything on loopback, let the inputs drift, and end with the alert that was received."""
    return show(seconds=for_, keep=keep)
