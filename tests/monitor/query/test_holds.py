"""What was held back, as the interface tells it."""

from __future__ import annotations

from collectors.records.encoding import encode_batch
from collectors.records.types import Batch
from monitor.jobs.replay import predictions_of
from monitor.segments.row_files import rows_to_parquet
from tests.monitor.jobs.house import DECLARATION, MODEL, START, closed, labelled, minute, population
from tests.monitor.query.conftest import API, Asked

DAY = 86_400 * 10**9


def drifted(asked: Asked) -> None:
    client, base = asked.client, f"{API}/models/{MODEL}"
    assert client.put(base, json=DECLARATION).status_code == 200
    rows = rows_to_parquet(labelled(population(3_000, seed=1, start_ns=START - DAY), seed=2), None)
    content_type = {"content-type": "application/vnd.apache.parquet"}
    assert client.put(f"{base}/baseline", content=rows, headers=content_type).status_code == 200
    for number in range(2):
        served = population(300, seed=5 + number, start_ns=minute(number), name=f"w{number}-", shift=30.0)
        records = tuple(predictions_of(served, MODEL, "1", ("p", "yhat")))
        body = encode_batch(Batch(sidecar="s", sequence=number + 1, records=records))
        assert client.post(f"{API}/records", content=body).status_code == 200
        asked.at(closed(number))


def silenced(asked: Asked) -> str:
    body = {"model": MODEL, "end": "2027-01-20T00:00:00Z", "creator": "ann", "comment": "known"}
    return str(asked.client.post(f"{API}/silences", json=body).json()["id"])


def test_an_open_alert_says_why_nobody_is_told(empty: Asked) -> None:
    """On the list of alerts, on its own page, and on the model, in the same words; until the silence is lifted."""
    asked = empty
    identity = silenced(asked)
    drifted(asked)
    (alert,) = asked.all("/alerts", model=MODEL, kind="drift")
    assert (alert["state"], alert["held"]["reason"]) == ("firing", "silence")
    assert alert["held"]["text"] == f"silenced by {identity}"
    assert asked.get(f"/alerts/{alert['fingerprint']}")["held"] == alert["held"]
    (model,) = asked.all("/models")
    assert alert["held"] in [a["held"] for a in model["alerts"]]
    assert asked.client.delete(f"{API}/silences/{identity}").status_code == 204
    asked.at(closed(1) + 10**10)
    assert asked.all("/alerts", model=MODEL, kind="drift")[0]["held"] is None


def test_holds_are_listed_and_counted(empty: Asked) -> None:
    """With what became of each; by model and reason, and by when they began."""
    asked = empty
    identity = silenced(asked)
    drifted(asked)
    asked.client.delete(f"{API}/silences/{identity}")
    asked.at(closed(1) + 10**10)
    holds = asked.all("/holds", model=MODEL)
    assert {h["reason"] for h in holds} == {"silence"} and {h["outcome"] for h in holds} == {"told"}
    assert all(h["since"] < h["until"] for h in holds)
    (counted,) = asked.all("/holds/counts")
    assert counted == {
        "model": MODEL, "reason": "silence", "count": len(holds), "open": 0, "told": len(holds), "over": 0, "held": 0,
    }  # fmt: skip
    assert asked.all("/holds", from_="2027-02-01T00:00:00Z") == []
    assert asked.all("/holds/counts", to="2027-01-01T00:00:00Z") == []
    assert "outrider_held_alerts_total" in asked.client.get("/metrics").text
