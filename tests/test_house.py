"""The house: what the pages say is so. Keys, settings, commands, links, examples and recipes are taken from the code."""

from __future__ import annotations

import configparser
import importlib
import os
import re
import shlex
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from collectors.settings import read_file, read_settings
from monitor.definitions import MonitoredModel, document_of
from monitor.errors import InvalidInput
from monitor.exporters.registry import PUSHING
from monitor.settings import MonitorSettings
from outrider.main import COMMANDS

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("changelog.d/*.md")])
MODELS = (ROOT / "docs/models.md").read_text("utf-8")
TOP_LEVEL = ("monitor", "collectors", "dashboards", "alembic", "tests")


def blocks(page: Path, language: str = "") -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def keys_of(document: dict[str, Any], where: str) -> list[str]:
    """The keys that the reader of declarations knows at a place, as it says itself of one that it does not."""
    with pytest.raises(InvalidInput) as refused:
        MonitoredModel.from_document(document)
    (fault,) = (f for f in refused.value.faults if f.where == where)
    return fault.expected.removeprefix("one of ").split(", ")


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({"model": "m", "bogus": 1}, "bogus"),
        ({"model": "m", "prediction": {"bogus": 1}}, "prediction.bogus"),
        ({"model": "m", "label": {"name": "y", "bogus": 1}}, "label.bogus"),
        ({"model": "m", "windows": [{"every": "5m", "bogus": 1}]}, "windows[0].bogus"),
        ({"model": "m", "explain": {"bogus": 1}}, "explain.bogus"),
        ({"model": "m", "checks": {"bogus": False}}, "checks.bogus"),
        ({"model": "m", "receivers": [{"webhook": "http://x", "bogus": 1}]}, "receivers[0].bogus"),
        ({"model": "m", "task": "bogus"}, "task"),
        ({"model": "m", "features": {"x": "bogus"}}, "features.x"),
    ],
)
def test_every_key_of_a_declaration_is_documented(document: dict[str, Any], where: str) -> None:
    """At every place: each key, check, task and kind that the reader knows is on the page."""
    assert [key for key in keys_of(document, where) if f"`{key}`" not in MODELS] == []


def test_the_declarations_on_the_page_are_read() -> None:
    """As written, to what they say."""
    whole, *parts = (yaml.safe_load(block) for block in blocks(ROOT / "docs/models.md", "yaml"))
    model = MonitoredModel.from_document(whole)
    assert MonitoredModel.from_document(model.to_document()) == model
    read = {key: MonitoredModel.from_document({"model": "m", **part}) for part in parts for key in part}
    assert read["checks"].checks["fairness"].tolerance == {"parity_difference": (-0.1, 0.1)}
    assert not read["checks"].checks["anomaly"].enabled
    assert [part.name for part in read["slices"].slices] == ["SEX=2", "young"]
    assert read["schema"].schema["SEX"].values == ("1", "2")


def test_every_setting_of_the_monitor_is_documented() -> None:
    """By its name, its default and the words of its declaration."""
    page = " ".join((ROOT / "docs/monitor.md").read_text("utf-8").split())
    source = (ROOT / "monitor/settings.py").read_text("utf-8")
    for setting in fields(MonitorSettings):
        found = re.search(rf'    {setting.name}: [^\n]*\n    """(.*?)"""', source, re.DOTALL)
        assert found is not None, setting.name
        default = "none" if setting.default is None else setting.default
        assert f"| `{setting.name}` | {default} | {' '.join(found[1].split())} |" in page


def test_every_command_is_documented() -> None:
    """On the command's page, and in the words that the overview has for nothing else."""
    page = (ROOT / "docs/cli.md").read_text("utf-8")
    assert [name for name in COMMANDS if f"`outrider {name}" not in page] == []


def shown_commands() -> list[tuple[str, str]]:
    """Every line of a plain code block that calls the command, continued lines joined."""
    found = []
    for page in PAGES:
        for block in blocks(page):
            lines = block.replace("\\\n", " ").splitlines()
            found += [(page.name, line) for line in lines if line.startswith("outrider ")]
    return found


@pytest.mark.parametrize(("page", "line"), shown_commands())
def test_a_command_shown_on_a_page_is_one_that_there_is(page: str, line: str) -> None:
    """The subcommand and each of its options."""
    words = shlex.split(line, comments=True)[1:]
    command: Any = typer.main.get_command(importlib.import_module(COMMANDS[words[0]].module).app)
    if hasattr(command, "commands"):
        command = command.commands[words[1]]
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    assert [w for w in words if w.startswith("--") and w.partition("=")[0] not in known] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative one, to a file or folder of the repository."""
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8"))
    local = [t.partition("#")[0] for t in targets if "://" not in t and not t.startswith(("#", "mailto:"))]
    assert [t for t in local if not (page.parent / t).exists()] == []


def test_every_page_is_in_the_index() -> None:
    """Found from docs/README.md, itself or its folder."""
    index = (ROOT / "docs/README.md").read_text("utf-8")
    pages = [p.relative_to(ROOT / "docs") for p in ROOT.glob("docs/*.md") if p.name != "README.md"]
    assert [str(p) for p in pages if f"({p})" not in index] == []


def test_the_recipes_name_files_that_there_are() -> None:
    """Every path in CONTRIBUTING.md, but for those of the file that is to be made."""
    paths = re.findall(r"`([\w./-]+/[\w./-]+)`", (ROOT / "CONTRIBUTING.md").read_text("utf-8"))
    assert len(paths) > 20
    assert [p for p in paths if not (ROOT / p).exists() and "NNNN" not in p] == []


def test_the_recipes_name_lists_that_there_are() -> None:
    """The list that a new one is to be added to."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    for name, module in (
        ("Registry", "collectors.decoders.registry"),
        ("KEPT_HEADERS", "collectors.protocols.heads"),
        ("ON_REQUEST", "monitor.metrics.registry"),
        ("STANDARD", "monitor.metrics.registry"),
        ("PUSHING", "monitor.exporters.registry"),
    ):
        assert f"`{name}`" in text
        assert hasattr(importlib.import_module(module), name)
    assert len(PUSHING) > 0


EXAMPLES = sorted(ROOT.glob("examples/*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_read_by_our_own_readers(path: Path) -> None:
    """A declaration, a sidecar's file or a monitor's file; and it says at its top what it is for."""
    assert path.read_text("utf-8").startswith("# ")
    values = read_file(path)
    if "model" in values:
        model = MonitoredModel.from_document(document_of(path.read_bytes(), path.name))
        assert model.model == path.stem
    elif "listeners" in values:
        read_settings(values, source=path.name)
    else:
        MonitorSettings.of(values, path.name)


def test_the_examples_show_every_part() -> None:
    """Declarations, a sidecar's file, a monitor's file."""
    assert {"income.yaml", "sidecar.yaml", "monitor.yaml"} <= {p.name for p in EXAMPLES}


@pytest.mark.parametrize("unit", sorted(ROOT.glob("deploy/systemd/*.service")), ids=lambda path: path.name)
def test_units_start_commands_that_there_are(unit: Path) -> None:
    """With a configuration file, as a user of their own, and time enough to end."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's keys have capitals
    parser.read(unit)
    service = parser["Service"]
    _, command, flag, config = service["ExecStart"].split()
    assert (command in COMMANDS, flag, config) == (True, "--config", f"/etc/outrider/{command}.yaml")
    assert service["User"] == "outrider" and int(service["TimeoutStopSec"]) > 10


def test_the_top_level_is_as_the_project_was_asked_for() -> None:
    """Five folders; `alembic` is no package, or it would hide the library."""
    assert all((ROOT / name).is_dir() for name in TOP_LEVEL)
    assert not (ROOT / "alembic/__init__.py").exists()
    assert all((ROOT / name).is_file() for name in ("compose.yaml", "pyproject.toml", "LICENSE", "ARCHITECTURE.md"))


def test_the_two_commands_can_be_run() -> None:
    """`run` and what CI calls, which is the README's test command."""
    readme = (ROOT / "README.md").read_text("utf-8")
    assert "./run demo" in readme and "./run test" in readme
    assert all(os.access(ROOT / name, os.X_OK) for name in ("run", ".ci/run"))
    assert "./run test --system" in (ROOT / ".ci/run").read_text("utf-8")


def test_every_exception_from_a_check_has_its_reason() -> None:
    """Behind it in its line, or in the comment above."""
    bare = re.compile(r"# (noqa(: [A-Z0-9, ]+)?|type: ignore(\[[\w, -]+\])?)\s*$")
    found = []
    for name in ("collectors", "monitor", "dashboards", "outrider", "benchmarks"):
        for path in sorted(ROOT.glob(f"{name}/**/*.py")):
            lines = path.read_text("utf-8").splitlines()
            for number, (above, line) in enumerate(zip(["", *lines], lines, strict=False), start=1):
                if bare.search(line) and not above.lstrip().startswith("#"):
                    found.append(f"{path.relative_to(ROOT)}:{number}")
    assert found == []


def test_every_room_is_on_the_plan() -> None:
    """Each package and module directly below the two halves is in the table of ARCHITECTURE.md, and nothing else is."""
    named: set[str] = set()
    for cell in re.findall(r"^\| (`.*?) \|", (ROOT / "ARCHITECTURE.md").read_text("utf-8"), re.MULTILINE):
        names = [name.rstrip("/") for name in re.findall(r"`([^`]+)`", cell)]
        above = names[0].rpartition("/")[0]
        named |= {name if "/" in name or not above else f"{above}/{name}" for name in names}
    there = {
        str(path.relative_to(ROOT))
        for half in ("collectors", "monitor")
        for path in (ROOT / half).iterdir()
        if (path / "__init__.py").exists() or (path.suffix == ".py" and path.stem != "__init__")
    }
    assert there - named == set()
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_plain_install_is_light() -> None:
    """What the service needs is in its extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    plain = {re.split(r"[<>=\[; ]", name)[0] for name in project["dependencies"]}
    assert not plain & {"numpy", "scipy", "pandas", "sqlalchemy", "pyarrow", "evidently", "litestar", "numba"}
    assert {"monitor", "demo", "dev"} <= set(project["optional-dependencies"])


@pytest.mark.parametrize(
    "fragment", [p for p in PAGES if p.parent.name == "changelog.d" and p.name != "README.md"], ids=lambda p: p.name
)
def test_a_changelog_fragment_is_a_list(fragment: Path) -> None:
    """Items that a release can join."""
    lines = fragment.read_text("utf-8").splitlines()
    assert lines and lines[0].startswith("- ")
    assert all(line.startswith(("- ", "  ")) or not line for line in lines)
