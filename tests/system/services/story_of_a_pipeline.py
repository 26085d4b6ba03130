"""Two models and two versions in a real monitor: `features-v2` feeds `income`, whose version v2 is a canary.

Requests carry a trace through both. The first model's inputs shift from window FIRST on, the second's from SECOND on; the
canary takes half as long again and refuses one request in ten where the champion refuses none.
"""

from __future__ import annotations

import csv
import json
import struct
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from collectors.records.encoding import encode_batch
from collectors.records.types import Batch, Prediction, Tensor
from tests.system.services.outrider import Monitor, run, running_monitor
from tests.system.services.process import wait_until

WINDOWS, REQUESTS = 16, 200
FIRST, SECOND = 7, 10
MINUTE = 60 * 10**9
CLOSED_SECONDS_MAX = 240.0

MODELS: Mapping[str, Mapping[str, object]] = {
    "features-v2": {"model": "features-v2"},
    "income": {
        "model": "income",
        "upstream": ["features-v2"],
        "versions": {"champion": "v1", "candidates": ["v2"], "mode": "canary", "split": {"v1": 0.5, "v2": 0.5}},
        "metrics": ["score_change_point", "score_page_hinkley"],
    },
}
SHARED: Mapping[str, object] = {
    "task": "binary",
    "features": {"age": "numeric", "city": "categorical"},
    "prediction": {"score": "p"},
    "windows": [{"every": "1m", "lateness": "0s"}],
}


@dataclass(frozen=True)
class Story:
    monitor: Monitor
    folder: Path
    start_ns: int


def declaration(folder: Path, model: str) -> Path:
    path = folder / f"{model}.yaml"
    path.write_text(yaml.safe_dump({**MODELS[model], **SHARED}))
    return path


def baseline(folder: Path, model: str) -> Path:
    rng = np.random.default_rng(len(model))
    path = folder / f"{model}-baseline.csv"
    rows = [values(rng, False) | {"when": f"2026-01-01T{h:02d}:{m:02d}:00Z"} for h in range(20) for m in range(60) for _ in range(4)]  # fmt: skip
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def values(rng: np.random.Generator, shifted: bool) -> dict[str, object]:
    age = float(rng.normal(52 if shifted else 40, 10))
    return {
        "age": round(age, 2),
        "city": str(rng.choice(["rome", "oslo", "lima"])),
        "p": round(float(1 / (1 + np.exp(-(age - 40) / 10))), 4),
    }


@contextmanager
def running_story(folder: Path) -> Iterator[Story]:
    with running_monitor(folder / "monitor", folder / "data") as monitor:
        start_ns = (time.time_ns() // MINUTE - WINDOWS - 2) * MINUTE
        for model in MODELS:
            run("model", "apply", declaration(folder, model), "--monitor", monitor.url)
            run("baseline", model, baseline(folder, model), "--time", "when", "--monitor", monitor.url)
        sent = [_records(number, start_ns + number * MINUTE) for number in range(WINDOWS)]
        # All of it is of the past: where both come at once, nobody can say whose windows a monitor closes first.
        for turn, (model, windows) in enumerate((("features-v2", WINDOWS), ("income", 2 * WINDOWS))):
            for number, records in enumerate(sent):
                send(monitor, turn * WINDOWS + number, [one for one in records if one.model == model])
            wait_until(
                lambda m=model, n=windows: sum(w["n_window"] > 0 for w in monitor.windows(m)) >= n,
                CLOSED_SECONDS_MAX,
                f"all windows of {model} closed",
            )
        yield Story(monitor, folder, start_ns)


def send(monitor: Monitor, sequence: int, records: list[Prediction]) -> None:
    body = encode_batch(Batch(sidecar="story", sequence=sequence + 1, records=tuple(records)))
    request = urllib.request.Request(f"{monitor.url}/api/v1/records", data=body, method="POST")
    request.add_header("content-type", "application/octet-stream")
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert json.load(answer) is not None


def _records(number: int, start_ns: int) -> list[Prediction]:
    rng = np.random.default_rng(1_000 + number)
    records = []
    for i in range(REQUESTS):
        at = start_ns + i * (MINUTE // REQUESTS // 2)
        trace = f"{number:016x}{i:016x}"
        records.append(
            one_exchange("features-v2", "1", f"f{number}-{i}", at, trace, 0.02, values(rng, number >= FIRST))
        )
        version = "v2" if i % 2 else "v1"
        took = 0.05 * (1.5 if version == "v2" else 1.0) * float(np.exp(rng.normal(0, 0.3)))
        answered = None if version == "v2" and i % 20 == 1 else values(rng, number >= SECOND)
        records.append(one_exchange("income", version, f"i{number}-{i}", at + 30 * 10**6, trace, took, answered))
    return records


def one_exchange(
    model: str, version: str, name: str, at: int, trace: str, took: float, row: Mapping[str, object] | None
) -> Prediction:
    tensors = {} if row is None else {key: _tensor(key, value) for key, value in row.items()}
    outputs = tuple(t for key, t in tensors.items() if key == "p")
    return Prediction(
        exchange=name,
        id=name,
        id_source="body",
        model=model,
        version=version,
        time_ns=at,
        duration_ns=int(took * 1e9),
        status=200 if row is not None else 503,
        error=None if row is not None else "busy",
        inputs=tuple(t for key, t in tensors.items() if key != "p"),
        outputs=outputs,
        # As a caller sends it: each call is a span of its own.
        trace=f"00-{trace}-{name.encode()[-8:].hex():0>16}-01",
    )


def _tensor(name: str, value: object) -> Tensor:
    if isinstance(value, str):
        return Tensor(name=name, shape=(1,), datatype="BYTES", items=(value,))
    return Tensor(name=name, shape=(1,), datatype="FP64", data=struct.pack("<d", value))
