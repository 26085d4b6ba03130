"""A server of model `echo`, behind the Open Inference Protocol: what the doctor shows of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.system.services.outrider import run

MODEL = "echo"


def assert_doctor_finds_both_doors(folder: Path, http: str, grpc: str, *, name: str, version: str) -> dict[str, Any]:
    """With a probe of its own body, because the model declares no inputs. Gives the record of that."""
    x = {"name": "x", "shape": [2], "datatype": "INT64", "data": [3, 4]}
    body = folder / "request.json"
    body.write_text(json.dumps({"id": "probe", "inputs": [x]}))
    found = json.loads(
        run("doctor", "--upstream", http, "--upstream", grpc, "--probe", MODEL, "--body", body, "--json")
    )
    first, second = found["servers"]
    assert (first["speaks"], first["name"], first["version"]) == ("Open Inference Protocol", name, version)
    assert (first["models"], first["captured"], first["ready"]) == ([MODEL], True, True)
    assert (second["speaks"], second["captured"], second["ready"]) == ("Open Inference Protocol over gRPC", True, True)
    record: dict[str, Any] = found["probe"]["record"]
    assert (record["id"], record["model"]) == ("probe", MODEL)
    assert record["outputs"] == [{"name": "o_x", "datatype": "INT64", "shape": [2], "values": [3, 4]}]
    return record
