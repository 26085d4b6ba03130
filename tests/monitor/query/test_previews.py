"""Declarations tried over the interface."""

from __future__ import annotations

import json

import pytest

from tests.monitor.jobs.house import DECLARATION, MODEL
from tests.monitor.query.conftest import API, Asked

PATH = f"/models/{MODEL}/preview"


def test_the_answer_shows_both_declarations_on_the_same_windows(asked: Asked) -> None:
    """Version 1 drifts in its last two windows: in force it is told, with a wide tolerance it is not."""
    wide = {name: {"tolerance": {"js_distance": 0.99}} for name in ("drift", "prediction_drift")}
    answer = asked.client.post(f"{API}{PATH}", content=json.dumps(DECLARATION | {"checks": wide}))
    assert answer.status_code == 200, answer.text
    body = answer.json()
    now, then = ({one["version"]: one for one in body[name]} for name in ("in_force", "proposed"))
    assert now.keys() == then.keys() == {"1", "2"}
    assert {t["kind"] for t in now["1"]["transitions"]} >= {"drift"}
    assert "drift" in now["1"]["open"]
    assert not {t["kind"] for t in then["1"]["transitions"]} & {"drift", "prediction_drift"}
    assert (now["1"]["windows"], now["1"]["start"]) == (then["1"]["windows"], then["1"]["start"])
    assert now["1"]["opened"] == sum(t["state"] == "firing" and not t["escalated"] for t in now["1"]["transitions"])
    assert "checks" not in asked.get(f"/models/{MODEL}")["declaration"]


@pytest.mark.parametrize(
    ("body", "place"), [("{", "body"), ('{"model": "other"}', "model"), (json.dumps({"model": MODEL, "x": 1}), "x")]
)
def test_what_cannot_be_tried_is_refused(asked: Asked, body: str, place: str) -> None:
    """With the place of the fault."""
    assert place in asked.refused("POST", PATH, content=body)["detail"]
