"""The plain install is the light sidecar: nothing heavy is installed with it, nothing heavy is imported by it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.scripted_http import Answer, scripted_http
from tests.system.services.process import answers, free_port, running_process, wait_until

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
HEAVY = {
    "alembic",
    "duckdb",
    "evidently",
    "litestar",
    "numba",
    "numpy",
    "onnxruntime",
    "pandas",
    "pyarrow",
    "scipy",
    "sqlalchemy",
}
"""Top-level modules; their distributions bear the same names."""
SPY = """
import atexit, json, os, sys

def tell():
    with open(os.path.join(os.environ["SPY_FOLDER"], f"{os.getpid()}.json"), "w") as file:
        json.dump({"argv": sys.orig_argv, "modules": sorted(sys.modules)}, file)

if "SPY_FOLDER" in os.environ:
    atexit.register(tell)
"""
"""A sitecustomize of the test's own environment: every process says at its end what it had imported."""


@dataclass(frozen=True)
class Plain:
    """A fresh environment with nothing but `pip install` of the checkout."""

    folder: Path

    @property
    def command(self) -> str:
        return str(self.folder / "venv" / "bin" / "outrider")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words, capture_output=True, text=True, timeout=120, check=False, cwd=self.folder, env=clean()
        )


def clean(**more: str) -> dict[str, str]:
    """The environment without what would let the checkout's own packages in."""
    return {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONHOME")} | more


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Plain:
    folder = tmp_path_factory.mktemp("plain")
    python = folder / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, str(ROOT)], check=True, env=clean(), cwd=folder)
    return Plain(folder)


def test_nothing_heavy_is_installed(plain: Plain) -> None:
    """`pip list` of the fresh environment."""
    done = plain.run(str(plain.folder / "venv" / "bin" / "python"), "-m", "pip", "list", "--format", "json")
    installed = {package["name"].lower().replace("-", "_") for package in json.loads(done.stdout)}
    assert "outrider" in installed
    assert not {name for name in installed if name in HEAVY or name.startswith(("psycopg", "onnxruntime", "pyspark"))}


@pytest.mark.parametrize("words", [["--help"], ["sidecar", "--help"], ["spool", "--help"], ["--version"]])
def test_the_command_answers(plain: Plain, words: list[str]) -> None:
    """Help and version need no extra."""
    done = plain.run(plain.command, *words)
    assert done.returncode == 0, done.stderr
    assert "outrider" in done.stdout.lower()


@pytest.mark.parametrize("command", ["monitor", "backfill", "compare", "demo"])
def test_a_command_of_the_service_names_its_extra(plain: Plain, command: str) -> None:
    """One clear line and exit code 2, no traceback."""
    done = plain.run(plain.command, command)
    assert done.returncode == 2
    assert "outrider[" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def imported(plain: Plain) -> Iterator[dict[str, set[str]]]:
    """A sidecar that served, captured and shipped a request: command line of each of its processes → its modules."""
    site = next((plain.folder / "venv" / "lib").glob("python3.*/site-packages"))
    # Not a `sitecustomize`: Debian's Python has one of its own, which comes first.
    (site / "spy.py").write_text(SPY)
    (site / "spy.pth").write_text("import spy\n")
    said = plain.folder / "said"
    said.mkdir()
    body = {"model_name": "m", "id": "a", "outputs": [{"name": "y", "shape": [1], "datatype": "FP64", "data": [1.0]}]}
    with (
        scripted_http(lambda r: Answer(200, json.dumps(body).encode(), {"Content-Type": "application/json"})) as server,
        scripted_http(lambda r: Answer(200, b'{"accepted": 1}')) as monitor,
    ):
        listen, metrics = (f"127.0.0.1:{free_port()}" for _ in range(2))
        upstream = server.url.removeprefix("http://")
        words = [plain.command, "sidecar", "--listen", listen, "--upstream", upstream, "--monitor", monitor.url]
        words += ["--metrics", metrics, "--spool", str(plain.folder / "spool")]
        (plain.folder / "sidecar").mkdir()
        # `running_process` adds to this process's environment; an empty PYTHONPATH is none.
        environ = {"SPY_FOLDER": str(said), "PYTHONPATH": ""}
        ready = f"http://{metrics}/health/ready"
        with running_process(words, plain.folder / "sidecar", lambda log: answers(ready), environ):
            x = {"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [0.0, 1.0]}
            request = urllib.request.Request(
                f"http://{listen}/v2/models/m/infer",
                json.dumps({"id": "a", "inputs": [x]}).encode(),
                {"Content-Type": "application/json"},
            )
            with urllib.request.urlopen(request, timeout=10) as answer:
                assert json.load(answer) == body
            wait_until(lambda: bool(monitor.requests), 20, "the record is shipped")
    documents = [json.loads(path.read_text()) for path in said.glob("*.json")]
    yield {" ".join(d["argv"]): {module.partition(".")[0] for module in d["modules"]} for d in documents}


def test_no_process_of_the_sidecar_imports_anything_heavy(imported: dict[str, set[str]]) -> None:
    """Supervisor, forwarder and capture worker, at their ends, after a request went the whole way."""
    assert any("sidecar" in line for line in imported)
    assert any("collectors.tap.forwarder" in line for line in imported)
    assert any("-m collectors.main" in line for line in imported)
    heavy = {line: found for line, modules in imported.items() if (found := modules & HEAVY)}
    assert heavy == {}
