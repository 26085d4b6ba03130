"""Vectors and texts on their live way: records in, measurements, distributions and Prometheus out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from collectors.records.encoding import encode_batch
from collectors.records.types import Batch
from monitor.jobs.replay import predictions_of
from monitor.segments.row_files import rows_to_parquet
from monitor.tiles.rows import Column, Rows
from tests.monitor.jobs.house import DECLARATION, MODEL, SECOND, START, closed, minute, population
from tests.monitor.query.conftest import API, Asked, opened

N, MOVED_FROM = 200, 2
WORDS = np.array(["parcel", "late", "refund", "card", "lost", "thanks", "order"], object)


def served(n: int, seed: int, start_ns: int, name: str, *, moved: bool = False) -> Rows:
    rng = np.random.default_rng(seed)
    found = population(n, seed=seed, start_ns=start_ns, name=name)
    vectors = rng.normal(size=(n, 16)) + (0.8 if moved else 0.0)
    texts = np.empty(n, object)
    texts[:] = [" ".join(rng.choice(WORDS, rng.integers(3, 9))) + (" où 123456" if moved else "") for _ in range(n)]
    more = {"emb": Column(vectors.astype(np.float32)), "note": Column(texts)}
    return replace(found, columns={**found.columns, **more})


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """Four windows; from the third on vectors and texts are others."""
    folder: Path = tmp_path_factory.mktemp("vectors")
    for one in opened(folder):
        features = {**DECLARATION["features"], "emb": {"vector": 16}, "note": "text"}
        assert one.client.put(f"{API}/models/{MODEL}", json=DECLARATION | {"features": features}).status_code == 200
        answer = one.client.put(
            f"{API}/models/{MODEL}/baseline",
            content=rows_to_parquet(served(3_000, 1, START - 3_600 * SECOND, "b"), None),
            headers={"content-type": "application/vnd.apache.parquet"},
        )
        assert answer.status_code == 200, answer.text
        for number in range(4):
            rows = served(N, 10 + number, minute(number), f"w{number}-", moved=number >= MOVED_FROM)
            records = predictions_of(rows, MODEL, "1", ("p", "yhat"))
            body = encode_batch(Batch(sidecar="s", sequence=number, records=tuple(records)))
            assert one.client.post(f"{API}/records", content=body).json()["predictions"] == N
            one.at(closed(number))
        yield one


def test_a_vector_that_moved_is_measured_and_alerted(asked: Asked) -> None:
    """Quiet before, critical after, and named by the alert beside the text."""
    found = asked.all(f"/models/{MODEL}/measurements", feature="emb", metric="mmd")
    assert [one["status"] for one in found[:MOVED_FROM]] == ["ok", "ok"] and found[-1]["status"] == "critical"
    drift = next(alert for alert in asked.all("/alerts") if alert["kind"] == "drift")
    named = {line["feature"] for line in drift["features"]}
    assert "emb" in named and any(name.startswith("note.") for name in named)


def test_what_a_text_is_like_is_measured_by_its_descriptors(asked: Asked) -> None:
    """Digits come, the share of missing texts stays the text's own."""
    digits = asked.all(f"/models/{MODEL}/measurements", feature="note.digits", metric="js_distance")
    assert [one["status"] for one in digits[:MOVED_FROM]] == ["ok", "ok"] and digits[-1]["status"] == "critical"
    missing = asked.all(f"/models/{MODEL}/measurements", metric="missing_ratio")
    assert {"note", "emb"} <= {one["feature"] for one in missing}
    assert not any(one["feature"].startswith("note.") for one in missing)


@pytest.mark.parametrize(
    ("feature", "kind"), [("emb", "numeric"), ("note.length", "numeric"), ("note.word", "categorical")]
)
def test_there_is_a_distribution_to_draw(asked: Asked, feature: str, kind: str) -> None:
    """Of a vector that of its distance from the centre."""
    items = asked.all(f"/models/{MODEL}/distributions", feature=feature)
    assert [one["kind"] for one in items] == [kind] * 4
    assert all(one["n_window"] == N and sum(one["window_counts"]) == N for one in items)


def test_prometheus_has_the_metrics_of_vectors(asked: Asked) -> None:
    """As of any feature."""
    text = asked.client.get("/metrics").text
    for name in ("mmd", "projection_ks", "centroid_distance", "centroid_cosine_distance"):
        assert any(f"outrider_drift_{name}{{" in line and 'feature="emb"' in line for line in text.splitlines()), name
