"""Every operation of the API under requests with faults: answered or refused in so many words, and the monitor goes on."""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import pytest

from collectors.records.encoding import encode_batch
from collectors.records.types import Batch
from monitor.findings import rfc3339
from monitor.jobs.replay import predictions_of
from monitor.segments.row_files import rows_to_parquet
from tests.fuzz.mutator import spoilt
from tests.monitor.jobs.house import DECLARATION, MODEL, SECOND, START, labelled, minute, population
from tests.monitor.query.conftest import Asked, fill, opened

REQUESTS = int(os.environ.get("OUTRIDER_FUZZ_REQUESTS", "60"))
"""Of each operation; a deep run asks for more."""

SECONDS_MAX = 10.0
"""Of the processor, for one answer about some thousand rows: what takes longer hangs."""

HOSTILE = (
    "", " ", "0", "-1", "1e999", "nan", "-inf", "9" * 25, "null", "true", "\0", "\ufffd", "é" * 300, "../..", "a/b", "*", "'", '"',
    "[]", "{}", ",", "=", "x" * 5_000, "2026-02-30T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z",
    "2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z", "2262-04-11T23:47:17Z", "60s",
)  # fmt: skip

MEDIA_TYPES = (
    "application/json", "application/x-ndjson", "application/yaml", "text/csv", "application/vnd.apache.parquet",
    "application/octet-stream", "text/plain; charset=utf-7", "",
)  # fmt: skip


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """A monitor of its own, since it is written to."""
    for one in opened(tmp_path_factory.mktemp("monitor")):
        fill(one)
        yield one


def operations(asked: Asked) -> Iterator[tuple[str, str, Sequence[Mapping[str, Any]]]]:
    """Method, path and parameters of everything that the monitor says it answers."""
    for path, methods in sorted(asked.client.get("/openapi.json").json()["paths"].items()):
        for method, described in sorted(methods.items()):
            yield method.upper(), path, described.get("parameters", [])


def names(asked: Asked) -> dict[str, list[str]]:
    """What a request may name, of what is there."""
    page = asked.get(f"/models/{MODEL}/measurements", limit=200)
    found = {key: sorted({one[key] for one in page["items"] if one[key]}) for key in ("metric", "feature", "kind")}
    times = [str(rfc3339(minute(number))) for number in (0, 1, 3, 5)]
    return found | {
        "model": [MODEL],
        "version": ["1", "2"],
        "control": ["1"],
        "rule": [one["rule"] for one in asked.get(f"/models/{MODEL}/windows")["items"]],
        "from": times,
        "to": times,
        "window": times,
        "cursor": [page["next"]],
        "limit": ["1", "1000"],
        "windows": ["5", "300"],
        "fingerprint": [one["fingerprint"] for one in asked.get("/alerts")["items"]],
        "prediction_id": ["v1w0-1"],
        "newest_first": ["true"],
        "per": ["kind", "feature", "metric", "slice"],
        "by": ["performance", "prediction", "share"],
        "metrics": ["DataDriftPreset", "ValueDrift"],
    }


def bodies() -> dict[str, Sequence[bytes]]:
    """What each operation takes as it should be."""
    rows = labelled(population(40, seed=5, start_ns=START, seconds=60, name="f"), seed=6)
    records = predictions_of(population(20, seed=7, start_ns=START, seconds=60, name="g"), MODEL, "1", ("p", "yhat"))
    declaration = json.dumps(DECLARATION).encode()
    silence = {
        "end": rfc3339(START + 3_600 * SECOND),
        "creator": "me",
        "comment": "why",
        "model": MODEL,
        "kind": "data_drift",
    }
    return {
        "PUT /api/v1/models/{model}": (declaration,),
        "POST /api/v1/models/{model}/preview": (declaration,),
        "PUT /api/v1/models/{model}/baseline": (rows_to_parquet(rows, None), b"a,b\n1,2\n"),
        "POST /api/v1/models/{model}/labels": (
            b'[{"prediction_id": "v1w0-1", "employed": 1}]', b"prediction_id,employed\nv1w0-1,1\n",
        ),
        "POST /api/v1/records": (encode_batch(Batch(sidecar="f", sequence=0, records=tuple(records))),),
        "POST /api/v1/silences": (json.dumps(silence).encode(),),
        "POST /api/v1/alerts/{fingerprint}/acknowledge": (b'{"by": "me", "note": "seen"}',),
    }  # fmt: skip


def value_of(rng: random.Random, known: Sequence[str]) -> str:
    """Something that is there, something hostile, or the one turned into the other."""
    drawn = rng.random()
    if drawn < 0.6 and known:
        return rng.choice(known)
    if drawn < 0.9 or not known:
        return rng.choice(HOSTILE)
    return spoilt(rng, rng.choice(known).encode(), [b"0"]).decode(errors="replace")


def request_of(
    rng: random.Random,
    method: str,
    path: str,
    parameters: Sequence[Mapping[str, Any]],
    there: Mapping[str, Sequence[str]],
    whole: Sequence[bytes],
) -> dict[str, Any]:
    """A request with faults in some places."""
    query: list[tuple[str, str]] = []
    for name, known in ((p["name"], there.get(p["name"], ())) for p in parameters):
        if f"{{{name}}}" in path:
            right = known[0] if known else "x"
            path = path.replace(f"{{{name}}}", quote(value_of(rng, known) if rng.random() < 0.2 else right, safe=""))
        elif rng.random() < 0.4:
            query += [(name, value_of(rng, known))] * rng.choice((1, 1, 1, 2))
    asked: dict[str, Any] = {"method": method, "url": path, "params": query}
    if method in ("PUT", "POST"):
        body = rng.choice(whole or [b""])
        asked["content"] = body if rng.random() < 0.1 else spoilt(rng, body, whole or [b"{}"])
        asked["headers"] = {"content-type": rng.choice(MEDIA_TYPES)}
    return asked


def refused_constant(name: str) -> None:
    raise AssertionError(f"{name} in an answer")


def test_a_hostile_request_is_answered_or_refused(target: Asked) -> None:
    """None makes the monitor fail, every refusal is problem details, no answer holds NaN, and the next window is closed as ever."""
    there, whole = names(target), bodies()
    answered: Counter[int] = Counter()
    for method, path, parameters in operations(target):
        rng = random.Random(f"{method} {path}")
        for _ in range(REQUESTS):
            asked = request_of(rng, method, path, parameters, there, whole.get(f"{method} {path}", ()))
            began = time.process_time()
            answer = target.client.request(**asked)
            said = f"{asked} was answered {answer.status_code}: {answer.text[:500]}"
            assert time.process_time() - began < SECONDS_MAX, said
            assert answer.status_code < 500, said
            kind = answer.headers.get("content-type", "")
            assert answer.status_code < 400 or kind.startswith("application/problem+json"), said
            if "json" in kind:
                json.loads(answer.content, parse_constant=refused_constant)
            answered[answer.status_code] += 1
    assert {200, 201, 400, 404, 422} <= set(answered)
    target.at(minute(8))
    assert MODEL in {one["model"] for one in target.get("/models")["items"]}


def test_a_body_is_given_for_every_operation_that_takes_one(target: Asked) -> None:
    """So that faults begin from what is right."""
    without = {"PUT /api/v1/models/{model}/awaited/{sender}"}
    taking = {f"{method} {path}" for method, path, _ in operations(target) if method in ("PUT", "POST")}
    assert taking - without == set(bodies()) | {"POST /cloudevents"} & taking
