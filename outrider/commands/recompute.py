"""`outrider recompute MODEL WINDOW`: counts a closed window once more from its rows, and says whether that is what is stored."""

from __future__ import annotations

from typing import Annotated, Any

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
    windows: Annotated[int, typer.Option(help="So many windows, up to this one: those of a merge.", min=1, max=64)] = 1,
    labelled: Annotated[bool, typer.Option("--labelled", help="Of them only those that have labels.")] = False,
    monitor: Annotated[str, typer.Option(help="URL of the monitor.", envvar="OUTRIDER_MONITOR")] = LOCAL_MONITOR,
    json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> int:
    """Count WINDOW, or the merge that ends with it, once more from rows and labels; exit with 1 where that is not, to the bit, what is stored."""
    several = {"windows": windows, "labelled": "true" if labelled else None} if windows > 1 else {}
    answer = MonitorApi(monitor).get(path_of(model, "/recompute"), window=window, version=version, rule=rule, **several)
    if json:
        print_json(answer)
    else:
        for item in answer["items"]:
            _print(item, answer["code"], with_start=windows > 1)
        for kept in answer["exhibits"]:
            _print_exhibit(kept)
    return 0 if answer["equal"] else 1


def _print_exhibit(kept: dict[str, Any]) -> None:
    """Of one alert: what it keeps of these windows, against the same counted anew."""
    word = "equal" if kept["equal"] else "DIFFERENT"
    names = f": {', '.join(kept['differences'])}" if kept["differences"] else ""
    print(f"alert {kept['fingerprint']} ({kept['kind']}) {word}: {kept['compared']} kept distributions{names}")
    if kept["left_out"]:
        print(f"  not compared: {kept['left_out']}")
    if kept["since"]:
        print(f"  {kept['since']}")


def _print(item: dict[str, Any], code: str | None, *, with_start: bool) -> None:
    word = "equal" if item["equal"] else "DIFFERENT"
    start = f"{item['window']['start']} " if with_start else ""
    print(
        f"{start}{word}: {item['rows']} rows, {item['labels']} labels, {item['values']} values, "
        f"baseline {item['window']['baseline']}, tiles {item['stored'][:16]} stored, {item['computed'][:16]} now"
    )
    by = item["window"]["code"]
    if by != code:
        print(
            f"  computed by {by or 'code that did not say its version'}; this monitor is {code or 'code without a version'}"
        )
    for one in item["differences"]:
        of = " ".join(part for part in (one["metric"], one["feature"], one["slice"]) if part)
        print(f"  {of}: {_said(one, 'stored')} stored, {_said(one, 'computed')} now")
    for part in item["left_out"]:
        print(f"  not compared: {part}")


def _said(one: dict[str, Any], side: str) -> str:
    """The value; with its interval, where that alone differs."""
    low, high = one[f"{side}_interval"]
    return f"{one[side]}" if one["stored"] != one["computed"] else f"{one[side]} ({low} to {high})"
