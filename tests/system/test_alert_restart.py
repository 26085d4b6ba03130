"""A monitor that is killed while its alert is pending, firing or resolved: one page, one resolve, at real receivers.

The windows are by rows and each batch fills one, so the story goes forward when the test says so.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from collectors.records.encoding import encode_batch
from collectors.records.types import Batch, Prediction, Tensor
from monitor.alerts.lifecycle import alert_labels, fingerprint
from monitor.findings import AlertKind
from outrider.commands.api import MonitorApi
from tests.scripted_http import Answer, Request, Scripted, scripted_http
from tests.system.services.alertmanager import installed as alertmanager_installed
from tests.system.services.alertmanager import running_alertmanager
from tests.system.services.outrider import Monitor, run, running_monitor
from tests.system.services.process import free_port, wait_until

pytestmark = pytest.mark.system

MODEL, VERSION, SERVED = "credit", "1", 1_000
ALERT = fingerprint(alert_labels(MODEL, VERSION, AlertKind.DRIFT))
BASELINE_ROWS = 40_000
CALM, FAINT, STRONG = 0.0, 0.5, 1.5
"""Shifts of the feature's mean in standard deviations: none; plain but within tolerance; beyond it."""
CLEAR_WINDOWS = 12
"""Calm windows within which a strong shift is over (three looks in a row; larger merges are forgotten by then)."""


def declaration(receiver: dict[str, str]) -> dict[str, Any]:
    """Drift is the only check, and it tolerates what is FAINT."""
    others = ("prediction_drift", "label_drift", "performance", "fairness", "quality", "anomaly", "attribution")
    return {
        "model": MODEL,
        "task": "binary",
        "features": {"x": "numeric"},
        "prediction": {"score": "p"},
        "windows": [{"rows": SERVED}],
        "checks": {"drift": {"tolerance": {"js_distance": 0.3}}, **dict.fromkeys(others, False)},
        "receivers": [receiver],
    }


@dataclass
class House:
    """A monitor whose process may be killed and started again on its data and port."""

    folder: Path
    stack: ExitStack
    port: int = field(default_factory=free_port)
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(8))
    sent: int = 0
    lives: int = 0
    began_ns: int = field(default_factory=lambda: time.time_ns() - 3_600 * 10**9)
    """Event time of the first batch: an hour ago, a minute between batches, so that nothing waits for the clock."""

    def start(self) -> None:
        self.lives += 1
        life = running_monitor(self.folder / f"life-{self.lives}", self.folder / "data", self.port)
        self.monitor: Monitor = self.stack.enter_context(life)

    def kill(self) -> None:
        """SIGKILL, and start again."""
        os.killpg(self.monitor.process.pid, signal.SIGKILL)
        self.monitor.process.wait()
        self.start()

    def set_up(self, receiver: dict[str, str]) -> None:
        self.start()
        file, baseline = self.folder / "m.yaml", self.folder / "baseline.parquet"
        file.write_text(yaml.safe_dump(declaration(receiver)))
        shape = BASELINE_ROWS
        pd.DataFrame({"x": self.rng.normal(size=shape), "p": self.rng.random(shape)}).to_parquet(baseline)
        run("model", "apply", file, "--monitor", self.monitor.url)
        run("baseline", MODEL, baseline, "--monitor", self.monitor.url)

    def serve(self, shift: float) -> None:
        """One window's rows; returns when it is closed."""
        x, p = (self.rng.normal(shift, size=SERVED), self.rng.random(SERVED))
        prediction = Prediction(
            exchange=f"e{self.sent}",
            id=f"e{self.sent}",
            id_source="body",
            model=MODEL,
            version=VERSION,
            time_ns=self.began_ns + self.sent * 60 * 10**9,
            rows=SERVED,
            inputs=(Tensor(name="x", shape=(SERVED,), datatype="FP64", data=x.tobytes()),),
            outputs=(Tensor(name="p", shape=(SERVED,), datatype="FP64", data=p.tobytes()),),
        )
        batch = Batch(sidecar="test", sequence=self.sent, records=(prediction,))
        MonitorApi(self.monitor.url).post("/api/v1/records", encode_batch(batch), "application/octet-stream")
        self.sent += 1
        wait_until(lambda: len(self.monitor.windows(MODEL)) == self.sent, 20, f"window {self.sent} is closed")

    def serve_until(self, state: str, shift: float, windows_max: int) -> None:
        for _ in range(windows_max):
            self.serve(shift)
            if self.state() == state:
                return
        raise AssertionError(f"{self.state()} after {windows_max} windows, not {state}")

    def state(self) -> str:
        return str(self.monitor.get(f"/api/v1/alerts/{ALERT}")["state"])

    def settled(self) -> None:
        """Until a whole pass has begun and ended: what it delivered is written down."""
        passes = self.monitor.get("/health/ready")["passes"]
        wait_until(lambda: self.monitor.get("/health/ready")["passes"] >= passes + 2, 20, "two passes")

    def transitions(self) -> list[tuple[str, str]]:
        return [(t["state"], t["window"]["end"]) for t in self.monitor.transitions(MODEL)]


@contextmanager
def house(folder: Path, receiver: dict[str, str]) -> Iterator[House]:
    with ExitStack() as stack:
        built = House(folder, stack)
        built.set_up(receiver)
        yield built


@dataclass
class Hook:
    """A receiver that can be told to refuse."""

    refuses: bool = False
    taken: list[Request] = field(default_factory=list)
    refused: int = 0

    def __call__(self, request: Request) -> Answer | None:
        if self.refuses:
            self.refused += 1
            return None
        self.taken.append(request)
        return Answer(204)

    def told(self) -> list[str]:
        return [alert["state"] for request in self.taken for alert in json.loads(request.body)["alerts"]]


@contextmanager
def hooked() -> Iterator[tuple[Hook, Scripted]]:
    hook = Hook()
    with scripted_http(hook) as server:
        yield hook, server


def story(built: House, kill: Callable[[], None], told: Callable[[], int]) -> None:
    """Calm, faint, strong, calm; `kill` is called while pending, while firing, and when it is over."""
    for _ in range(3):
        built.serve(CALM)
    built.serve_until("pending", FAINT, 6)
    kill()
    assert built.state() == "pending"
    built.serve_until("firing", STRONG, 2)
    wait_until(lambda: told() == 1, 20, "the page arrives")
    built.settled()
    kill()
    assert built.state() == "firing"
    built.serve(STRONG)
    built.serve_until("resolved", CALM, CLEAR_WINDOWS)
    wait_until(lambda: told() == 2, 20, "the resolve arrives")
    built.settled()
    kill()
    built.serve(CALM)
    built.settled()


def test_kills_while_pending_and_firing_leave_one_page_and_one_resolve(tmp_path: Path) -> None:
    """Three kills, and the webhook hears exactly what it hears without them."""
    with hooked() as (hook, server), house(tmp_path / "killed", {"webhook": server.url}) as built:
        story(built, built.kill, lambda: len(hook.taken))
        assert built.lives == 4
        assert hook.told() == ["firing", "resolved"]
        killed = built.transitions()
        began_ns = built.began_ns
    with hooked() as (hook, server), house(tmp_path / "calm", {"webhook": server.url}) as built:
        built.began_ns = began_ns
        story(built, lambda: None, lambda: len(hook.taken))
        assert built.lives == 1
        assert built.transitions() == killed


def test_a_page_that_was_owed_when_the_monitor_died_is_delivered_once(tmp_path: Path) -> None:
    """The receiver refuses the page, then the resolve, and the monitor is killed each time before it could repeat it."""
    with hooked() as (hook, server), house(tmp_path, {"webhook": server.url}) as built:
        for _ in range(3):
            built.serve(CALM)
        for state, shift in (("firing", STRONG), ("resolved", CALM)):
            hook.refuses, refused = True, hook.refused
            built.serve_until(state, shift, CLEAR_WINDOWS)
            wait_until(lambda before=refused: hook.refused > before, 20, "the receiver refuses")  # type: ignore[misc]
            os.killpg(built.monitor.process.pid, signal.SIGKILL)
            built.monitor.process.wait()
            hook.refuses = False
            built.start()
            wait_until(lambda s=state: s in hook.told(), 20, f"{state} arrives")  # type: ignore[misc]
            built.settled()
        assert hook.told() == ["firing", "resolved"]
        keys = [request.headers["idempotency-key"] for request in hook.taken]
        assert len(set(keys)) == 2


@pytest.mark.skipif(not alertmanager_installed(), reason="needs Alertmanager: apt-get install prometheus-alertmanager")
def test_behind_a_real_alertmanager_the_same(tmp_path: Path) -> None:
    """What comes out of Alertmanager at its receiver: firing once, resolved once."""
    (tmp_path / "alertmanager").mkdir()
    taken: list[Request] = []

    def take(request: Request) -> Answer:
        taken.append(request)
        return Answer()

    def told() -> list[tuple[str, str]]:
        bodies = [json.loads(request.body) for request in taken]
        return [(a["labels"]["alertname"], a["status"]) for body in bodies for a in body["alerts"]]

    with (
        scripted_http(take) as behind,
        running_alertmanager(tmp_path / "alertmanager", behind.url) as alertmanager,
        house(tmp_path / "house", {"alertmanager": alertmanager.url}) as built,
    ):
        story(built, built.kill, lambda: len(told()))
        assert told() == [("OutriderDrift", "firing"), ("OutriderDrift", "resolved")]
