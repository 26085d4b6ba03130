"""The command: lazily imported subcommands, exit codes, one line for what is wrong."""

import errno
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from outrider.main import BAD_INPUT, COMMANDS, DONE, NOT_HELD, main

ROOT = Path(__file__).parents[2]


def test_the_overview_names_every_command(capsys):
    """Without importing any."""
    assert main([]) == DONE
    overview = capsys.readouterr().out
    assert all(f"  {name} " in overview for name in COMMANDS)


@pytest.mark.parametrize(
    "arguments",
    [
        ["bogus"],
        ["sidecar", "--bogus"],
        ["sidecar", "--listen", "x"],
        ["sidecar", "--config", "/nonexistent.yaml"],
    ],
)
def test_bad_usage_is_one_line_and_exit_code_two(arguments, capsys):
    """No traceback: where, what was found, what was expected."""
    assert main(arguments) == BAD_INPUT
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    assert captured.err.startswith("outrider")


def test_help_is_not_an_error(capsys):
    """It goes to standard output."""
    assert main(["sidecar", "--help"]) == DONE
    assert "--upstream" in capsys.readouterr().out


@pytest.mark.parametrize("name", list(COMMANDS))
def test_each_command_has_its_file(name):
    """In the module that the list names."""
    assert importlib.util.find_spec(COMMANDS[name].module) is not None


def test_the_sidecar_imports_nothing_of_the_service():
    """It runs where only the plain install is."""
    script = (
        "import sys, outrider.main, outrider.commands.sidecar;"
        "print([m for m in ('sqlalchemy', 'scipy', 'pandas', 'numpy', 'pyarrow', 'evidently', 'litestar')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("command", "extra"), [("demo", "demo"), ("compare", "monitor")])
def test_a_package_that_is_not_there_names_the_extra_it_is_in(command, extra, capsys, monkeypatch):
    """The demo's packages are in its own, and the service's do not bring them."""

    def absent(module):
        raise ModuleNotFoundError(f"No module named {module}", name="skl2onnx")

    monkeypatch.setattr(importlib, "import_module", absent)
    assert main([command, "--help"]) == BAD_INPUT
    assert f"pip install 'outrider[{extra}]'" in capsys.readouterr().err


@pytest.mark.parametrize(("number", "advice"), [(errno.ENOSPC, "make room"), (errno.EACCES, "as a user who may")])
def test_what_the_machine_refuses_is_a_sentence(number, advice, capsys, monkeypatch):
    """A full disk and a missing permission name the place and what to do, without a traceback."""

    def refusing(module):
        raise OSError(number, "refused", "/data/catalog.sqlite")

    monkeypatch.setattr(importlib, "import_module", refusing)
    assert main(["compare", "--help"]) == NOT_HELD
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1 and "/data/catalog.sqlite: refused" in said and advice in said


def test_an_error_of_the_machine_that_nobody_foresaw_is_not_hidden(monkeypatch):
    """It is a fault of ours until somebody knows what to do about it."""

    def broken(module):
        raise OSError(errno.EBADF, "bad descriptor")

    monkeypatch.setattr(importlib, "import_module", broken)
    with pytest.raises(OSError, match="bad descriptor"):
        main(["compare", "--help"])
