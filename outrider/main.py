"""The `outrider` command: finds the subcommand's file, imports only that one, turns errors into exit codes.

Exit codes: 0 done; 1 the thing asked for did not hold; 2 bad usage or bad input, with one line on standard error.
"""

import errno
import importlib
import sys
from collections.abc import Sequence
from typing import NamedTuple

import typer

from collectors.errors import CollectorError
from monitor.errors import InvalidInput, NotFound, Unavailable

DONE, NOT_HELD, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
REFUSED_BY_THE_MACHINE = {
    errno.ENOSPC: "make room on its disk, or name a place on another",
    errno.EDQUOT: "this user's quota of the disk is used up",
    errno.EROFS: "name a place that can be written",
    errno.EACCES: "run it as a user who may, or name another place",
    errno.EPERM: "run it as a user who may",
    errno.EMFILE: "allow more open files (`ulimit -n`)",
}
"""What no file names in advance, and what to do about it."""
OURS = ("collectors", "monitor", "dashboards", "outrider")


class Command(NamedTuple):
    """Where a subcommand lives (a module with `app`, a Typer application), what it does, in one line, and the extra it is in."""

    module: str
    summary: str
    extra: str = "monitor"


COMMANDS: dict[str, Command] = {
    "demo": Command(
        "outrider.commands.demo", "See it all on loopback: server, sidecar, monitor, drift, alert.", "demo"
    ),
    "sidecar": Command("outrider.commands.sidecar", "Ride in front of an inference server: forward, observe, ship."),
    "intake": Command("outrider.commands.intake", "Take in what came another way: Kafka, tables, SageMaker's files."),
    "monitor": Command("outrider.commands.monitor", "Run the service: windows, metrics, alerts, dashboards."),
    "model": Command("outrider.commands.model", "Declare and show monitored models."),
    "baseline": Command("outrider.commands.baseline", "Set what a model's windows are compared with."),
    "labels": Command("outrider.commands.labels", "Add ground truth by prediction id, however late."),
    "backfill": Command("outrider.commands.backfill", "Send recorded predictions through windows, metrics and alerts."),
    "compare": Command("outrider.commands.compare", "Measure one file against another, without a server."),
    "recompute": Command(
        "outrider.commands.recompute", "Count a closed window once more from its rows: equal to the bit?"
    ),
    "doctor": Command("outrider.commands.doctor", "Find servers, check every connection, show what a probe leaves."),
    "spool": Command("outrider.commands.spool", "Say what is in a sidecar's spool, and put a damaged one in order."),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("--help", "-h", "help"):
        print(overview())
        return DONE
    if given[0] == "--version":
        print(f"outrider {installed_version()}")
        return DONE
    if given[0] not in COMMANDS:
        return refuse("outrider", f"found {given[0]!r}, expected a command: {', '.join(COMMANDS)}")
    return run(given[0], given[1:])


def run(command: str, arguments: list[str]) -> int:
    """Run a known subcommand; its errors become a line and an exit code."""
    name = f"outrider {command}"
    try:
        app: typer.Typer = importlib.import_module(COMMANDS[command].module).app
        answer = app(args=arguments, prog_name=name, standalone_mode=False)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in OURS:
            raise  # a fault of ours, not of the installation
        return refuse(name, f"needs the module {error.name!r}: pip install 'outrider[{COMMANDS[command].extra}]'")
    except (typer.TyperException, InvalidInput, NotFound, CollectorError, Unavailable) as error:
        return refuse(name, *told(error))
    except OSError as error:
        if error.errno not in REFUSED_BY_THE_MACHINE:
            raise  # a fault of ours
        return refuse(name, *told(error))
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    return answer if isinstance(answer, int) else DONE


def told(error: Exception) -> tuple[str, int]:
    """An error that is no fault of ours as a sentence and an exit code."""
    match error:
        case typer.TyperException():
            return error.format_message(), BAD_INPUT
        case Unavailable():
            return str(error), NOT_HELD
        case OSError():
            place, advice = error.filename or "this machine", REFUSED_BY_THE_MACHINE[error.errno or 0]
            return f"{place}: {error.strerror}: {advice}", NOT_HELD
    return str(error), BAD_INPUT


def refuse(name: str, message: str, code: int = BAD_INPUT) -> int:
    """Say in one line why the call cannot be done."""
    print(f"{name}: {' '.join(message.split())}", file=sys.stderr)
    return code


def overview() -> str:
    width = max(map(len, COMMANDS), default=0)
    lines = [f"  {name:{width}}  {command.summary}" for name, command in COMMANDS.items()]
    return "\n".join(
        ["Usage: outrider COMMAND …", "", "Commands:", *lines, "", "`outrider COMMAND --help` says more of each."]
    )


def installed_version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  (slow to import, seldom needed)

    try:
        return version("outrider")
    except PackageNotFoundError:
        return "0+unknown"
