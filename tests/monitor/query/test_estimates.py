"""Estimates beside the truth, and how late labels were."""

from __future__ import annotations

from tests.monitor.jobs.house import MODEL
from tests.monitor.query.conftest import Asked


def test_estimates_are_held_against_the_labels(asked: Asked) -> None:
    """One item per window and metric whose labels came, and how many held."""
    answer = asked.get(f"/models/{MODEL}/estimates", limit=1_000)
    items = answer["items"]
    assert {"accuracy", "roc_auc", "log_loss"} <= {item["metric"] for item in items}
    for item in items:
        assert set(item) >= {"window", "version", "error", "low", "high", "inside", "status", "reason"}
    judged = [item["inside"] for item in items if item["status"] == "ok" and item["inside"] is not None]
    assert answer["coverage"]["judged"] == len(judged) and answer["coverage"]["inside"] == sum(judged)
    only = asked.get(f"/models/{MODEL}/estimates", metric="accuracy")["items"]
    assert {item["metric"] for item in only} == {"accuracy"}


def test_label_delays_are_counted_by_outcome(asked: Asked) -> None:
    """Every label once, in half octaves of seconds."""
    answer = asked.get(f"/models/{MODEL}/label-delays")
    assert answer["labelled"] == sum(map(sum, (answer["negative"], answer["positive"], answer["other"]))) > 0
    assert len(answer["seconds"]) == len(answer["positive"]) and answer["seconds"] == sorted(answer["seconds"])
    assert sum(answer["positive"]) > 0 and sum(answer["negative"]) > 0 and sum(answer["other"]) == 0
    assert answer["rows"] >= answer["labelled"]
    assert sum(item["labelled"] for item in answer["items"]) == answer["labelled"]
    assert 0 <= answer["median"]["above"] <= answer["p90"]["above"] < answer["p90"]["up_to"]
    assert answer["corrected_windows"] == 0 and answer["labels_complete_after_seconds"] is None
