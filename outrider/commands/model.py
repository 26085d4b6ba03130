"""`outrider model apply FILE`: declares a monitored model."""

from __future__ import annotations

import json as json_module
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from monitor.errors import Fault, InvalidInput
from outrider.commands.api import LOCAL_MONITOR, MonitorApi, path_of
from outrider.commands.output import print_json, read_declaration

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Declare and show monitored models.")

Monitor = Annotated[str, typer.Option(help="URL of the monitor.", envvar="OUTRIDER_MONITOR")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


@app.command()
def apply(
    file: Annotated[Path, typer.Argument(help="The declaration: YAML as docs/models.md describes it.")],
    monitor: Monitor = LOCAL_MONITOR,
    json: AsJson = False,
) -> int:
    """Declare the model of FILE; where it exists, replace its declaration."""
    declaration = read_declaration(file)
    body = json_module.dumps(declaration.to_document()).encode()
    answer = MonitorApi(monitor).put(path_of(declaration.model), body, "application/json")
    if json:
        print_json(answer)
    else:
        print(f"model {declaration.model} is declared at {monitor}")
    return 0


@app.command()
def preview(
    file: Annotated[Path, typer.Argument(help="The declaration that is to be tried.")],
    monitor: Monitor = LOCAL_MONITOR,
    windows: Annotated[int, typer.Option(help="Last windows of each version.", min=1)] = 500,
    json: AsJson = False,
) -> int:
    """Print what the declaration of FILE would have told of past windows, beside the one in force. Nothing is saved."""
    declaration = read_declaration(file)
    body = json_module.dumps(declaration.to_document()).encode()
    place = path_of(declaration.model, f"/preview?windows={windows}")
    answer = MonitorApi(monitor).post(place, body, "application/json")
    if json:
        print_json(answer)
        return 0
    for now, then in zip_longest(answer["in_force"], answer["proposed"]):
        for word, told in (("in force", now), ("proposed", then)):
            if told is not None:
                print(
                    f"{word}: version {told['version'] or '(none)'}, {told['rule']}, {told['windows']} windows: "
                    f"{told['opened']} alerts opened, {told['critical']} of {told['judged']} findings critical"
                )
    for told in answer["proposed"]:
        for step in told["transitions"]:
            print(f"  {step['window']['end']} {step['state']} {step['kind']}: {step['summary']}")
    return 0


@app.command()
def propose(
    model: Annotated[str, typer.Argument(help="Name of the model.")],
    monitor: Monitor = LOCAL_MONITOR,
    json: AsJson = False,
) -> int:
    """Print a model's declaration as YAML with what its baseline, or its first window, tells: kinds and a schema."""
    answer = MonitorApi(monitor).get(path_of(model))
    proposal = answer["proposal"]
    if proposal is None:
        raise InvalidInput(Fault(f"model {model}", "no baseline and no traffic", "either, to learn from"))
    if json:
        print_json(proposal)
    else:
        print(f"# Learned from {_learned_from(answer)}. Look it over, then: outrider model apply FILE")
        print(yaml.safe_dump(proposal, sort_keys=False, allow_unicode=True, width=120), end="")
    return 0


def _learned_from(answer: dict[str, Any]) -> str:
    baseline = answer["baseline"]
    return f"the baseline {baseline['id']} of {baseline['rows']:,} rows" if baseline else "the first window"


@app.command()
def show(
    model: Annotated[str, typer.Argument(help="Name of the model.")],
    monitor: Monitor = LOCAL_MONITOR,
    json: AsJson = False,
) -> int:
    """Show a model's declaration, its baseline and its state."""
    answer = MonitorApi(monitor).get(path_of(model))
    if json:
        print_json(answer)
        return 0
    baseline = answer["baseline"]
    print(f"{model}: {answer['status']}" + (f", firing: {', '.join(answer['firing'])}" if answer["firing"] else ""))
    print(f"  baseline: {baseline['rows']:,} rows ({baseline['id']})" if baseline else "  no baseline yet")
    print(f"  versions: {', '.join(v or '(none)' for v in answer['versions']) or 'no traffic yet'}")
    return 0
