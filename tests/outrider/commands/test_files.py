"""The commands that read files: exit codes, strict JSON, one clear line for what is wrong, nothing half-written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from outrider.main import BAD_INPUT, DONE, NOT_HELD, main

MEASUREMENT = {
    "model", "version", "slice", "feature", "metric", "window", "value", "low", "high", "n_baseline", "n_window",
    "n_missing", "threshold", "status", "reason", "revision",
}  # fmt: skip


def table(path: Path, n: int, *, seed: int, shift: float = 0.0, times: bool = False) -> Path:
    rng = np.random.default_rng(seed)
    age = rng.normal(40 + shift, 10, n)
    score = 1 / (1 + np.exp(-(age - 40) / 10))
    lines = ["prediction_id,age,sex,p,yhat" + (",at" if times else "")]
    for i in range(n):
        at = f",2026-03-01T{i // 360:02d}:{i // 6 % 60:02d}:{i % 6 * 10:02d}Z" if times else ""
        lines.append(f"{path.stem}{i},{age[i]:.3f},{'fm'[i % 2]},{score[i]:.4f},{int(score[i] > 0.5)}{at}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def declaration(tmp_path: Path) -> Path:
    path = tmp_path / "income.yaml"
    path.write_text(
        "model: income\ntask: binary\nfeatures: {age: numeric, sex: categorical}\n"
        "prediction: {score: p, class: yhat}\nlabel: employed\nwindows: [{every: 1h, lateness: 0s}]\n"
    )
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, Any]:
    """Exit code, and the one strict JSON document on standard output."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    code = main([str(a) for a in arguments])
    return code, json.loads(capsys.readouterr().out, parse_constant=refuse)


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line of a call that is bad."""
    assert main([str(a) for a in arguments]) == BAD_INPUT
    captured = capsys.readouterr()
    assert captured.out == ""
    line = captured.err.splitlines()[-1]
    assert line.startswith(f"outrider {arguments[0]}: ")
    return line


def test_compare_prints_the_document_of_the_contract(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Measurements with every field; values null only with a status that says why."""
    base, window = table(tmp_path / "a.csv", 600, seed=1), table(tmp_path / "b.csv", 400, seed=2, shift=30)
    code, document = run(capsys, "compare", base, window, "--json")
    assert code == DONE and set(document) == {"measurements", "alerts"}
    assert all(set(m) >= MEASUREMENT for m in document["measurements"])
    assert all(
        (m["value"] is None) == (m["status"] in ("undefined", "no_data", "error")) for m in document["measurements"]
    )
    assert "drift" in {a["kind"] for a in document["alerts"]}


@pytest.mark.parametrize(
    ("shift", "fail_on", "code"), [(30, "alert", NOT_HELD), (30, "never", DONE), (0, "alert", DONE)]
)
def test_compare_fails_where_it_was_asked_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], shift: float, fail_on: str, code: int
) -> None:
    """Exit code 1, for pipelines."""
    base, window = table(tmp_path / "a.csv", 600, seed=1), table(tmp_path / "b.csv", 400, seed=2, shift=shift)
    assert run(capsys, "compare", base, window, "--json", "--fail-on", fail_on)[0] == code


def test_compare_writes_a_page_and_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The page needs nothing beside itself; the table begins with the alerts."""
    base, window = table(tmp_path / "a.csv", 600, seed=1), table(tmp_path / "b.csv", 400, seed=2, shift=30)
    assert main(["compare", str(base), str(window), "--html", str(tmp_path / "out.html")]) == DONE
    assert "FIRING drift" in capsys.readouterr().out
    assert "<html" in (tmp_path / "out.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "window.csv"),
        ("a,b\n", "window.csv"),
        ("colour\nred\nblue\n", "a feature of the baseline"),
        ("age,sex\n1\n", "window.csv"),
        ("age,age\n1,2\n", "age"),
    ],
)
def test_a_window_that_cannot_be_used_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, said: str
) -> None:
    """Exit code 2, and no page is written."""
    base, window = table(tmp_path / "a.csv", 600, seed=1), tmp_path / "window.csv"
    window.write_text(content)
    assert said in refused(capsys, "compare", base, window, "--html", tmp_path / "out.html")
    assert not (tmp_path / "out.html").exists()


@pytest.mark.parametrize("arguments", [["nothing.csv", "nothing.csv"], ["a.csv"], ["a.csv", "a.csv", "--fail-on", "x"]])
def test_compare_that_is_called_wrongly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """A file that is not there, one too few, a word that is none."""
    monkeypatch.chdir(tmp_path)
    table(tmp_path / "a.csv", 100, seed=1)
    refused(capsys, "compare", *arguments)


def test_a_page_that_cannot_be_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its place, no traceback."""
    base = table(tmp_path / "a.csv", 200, seed=1)
    assert "/nowhere/out.html" in refused(capsys, "compare", base, base, "--html", "/nowhere/out.html")


def test_backfill_by_time_prints_every_window(
    tmp_path: Path, declaration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Labels join by id; windows are those of the times."""
    base, rows = table(tmp_path / "b.csv", 600, seed=1), table(tmp_path / "r.csv", 1_080, seed=2, times=True)
    labels = tmp_path / "labels.csv"
    labels.write_text("prediction_id,employed\n" + "".join(f"r{i},{i % 2}\n" for i in range(1_080)))
    code, document = run(
        capsys, "backfill", declaration, rows, "--time", "at", "--baseline", base, "--labels", labels, "--json"
    )
    assert code == DONE
    starts = {m["window"]["start"] for m in document["measurements"]}
    assert starts == {f"2026-03-01T0{hour}:00:00Z" for hour in range(3)}
    assert {m["n_window"] for m in document["measurements"] if m["metric"] == "accuracy"} == {360}


def test_a_quiet_backfill_says_so(tmp_path: Path, declaration: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """How much was measured; a table of nothing looked as if nothing had been done."""
    base, rows = table(tmp_path / "b.csv", 600, seed=1), table(tmp_path / "r.csv", 720, seed=2, times=True)
    assert main(["backfill", str(declaration), str(rows), "--time", "at", "--baseline", str(base)]) == DONE
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith("measurements, none beyond its limit; --json has them all") and not line.startswith("0 ")


def test_backfill_into_a_directory_leaves_what_a_monitor_serves(
    tmp_path: Path, declaration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same numbers as without one."""
    base, rows = table(tmp_path / "b.csv", 600, seed=1), table(tmp_path / "r.csv", 1_080, seed=2, times=True)
    call = ["backfill", declaration, rows, "--time", "at", "--baseline", base, "--json"]
    _, memory = run(capsys, *call)
    _, kept = run(capsys, *call, "--data", tmp_path / "data")

    def values(document: dict[str, Any]) -> list[tuple[Any, ...]]:
        return sorted(
            (m["window"]["start"], m["metric"], m["feature"] or "", m["slice"] or "", repr(m["value"]), m["status"])
            for m in document["measurements"]
        )

    assert values(memory) == values(kept)
    assert (tmp_path / "data/catalog.sqlite").is_file()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], "--time, --rate"),
        (["--time", "at", "--rate", "5"], "--time, --rate"),
        (["--time", "when"], "when"),
        (["--rate", "0"], "rate"),
        (["--rate", "nan"], "rate"),
        (["--rate", "5", "--start", "yesterday"], "--start"),
        (["--rate", "5", "--data", "d", "--monitor", "http://127.0.0.1:9"], "--data, --monitor"),
        (["--rate", "5", "--labels", "nothing.csv"], "nothing.csv"),
        (["--rate", "5", "--baseline", "nothing.csv"], "nothing.csv"),
    ],
)
def test_backfill_that_is_called_wrongly(
    tmp_path: Path,
    declaration: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    more: list[str],
    said: str,
) -> None:
    """One line with the option or the file."""
    monkeypatch.chdir(tmp_path)
    rows = table(tmp_path / "r.csv", 900, seed=2, times=True)
    assert said in refused(capsys, "backfill", declaration, rows, *more)


@pytest.mark.parametrize("command", [("model", "apply"), ("backfill",)])
def test_a_broken_declaration_is_named_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    """The file, the path of every fault; before any monitor is asked."""
    bad, rows = tmp_path / "bad.yaml", table(tmp_path / "r.csv", 100, seed=1)
    more = [rows, "--rate", 5] if command == ("backfill",) else []
    bad.write_text("model: income\ntask: guess\nwindows: [{every: soon}]\n")
    line = refused(capsys, *command, bad, *more)
    assert f"{bad}: task" in line and f"{bad}: windows[0].every" in line
    bad.write_text("model: income\nfeatures: {a: [}\n")
    assert "line 2, column 16" in refused(capsys, *command, bad, *more)


@pytest.mark.parametrize(
    "arguments",
    [
        ("model", "show", "income"),
        ("baseline", "income", "b.csv"),
        ("labels", "income", "b.csv"),
        ("model", "apply", "income.yaml"),
    ],
)
def test_a_monitor_that_is_not_there_is_one_line(
    tmp_path: Path,
    declaration: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
) -> None:
    """Exit code 1: the call was right, the monitor is away."""
    monkeypatch.chdir(tmp_path)
    table(tmp_path / "b.csv", 10, seed=1)
    assert main([*arguments, "--monitor", "http://127.0.0.1:9"]) == NOT_HELD
    captured = capsys.readouterr()
    assert captured.out == "" and len(captured.err.splitlines()) == 1
    assert "http://127.0.0.1:9" in captured.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("baseline", "income", "nothing.csv"), "nothing.csv"),
        (("labels", "income", "nothing.csv"), "nothing.csv"),
        (("labels", "income", "notes.txt"), "notes.txt"),
        (("baseline", "income", "notes.txt", "--monitor", "127.0.0.1:8090"), "--monitor"),
        (("baseline", "income"), "one of --last and --from"),
        (("baseline", "income", "notes.txt", "--last", "1h"), "more than one"),
        (("baseline", "income", "--last", "soon"), "duration"),
        (("baseline", "income", "--last", "1h", "--to", "2026-03-01T00:00:00Z"), "--last"),
        (("baseline", "income", "--last", "1h", "--time", "at"), "FILE (with --time)"),
        (("monitor", "--config", "nothing.yaml"), "nothing.yaml"),
        (("monitor", "--config", "notes.txt"), "notes.txt"),
        (("monitor", "--listen", "here"), "listen"),
    ],
)
def test_files_and_options_that_cannot_be_are_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    said: str,
) -> None:
    """Before anything is sent or opened."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("just words\n")
    assert said in refused(capsys, *arguments)
