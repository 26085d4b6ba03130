"""Live traffic for the demo: a client that speaks to the sidecar as it would to the server, and labels that come late."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from outrider.demo.scenario import GROUP, NAMES, NUMBERS, Applicants, applicants

ROWS_PER_REQUEST = 20
REQUESTS_PER_SECOND = 12
CALM_SECONDS = 30.0
"""Traffic like the baseline before the campaign begins."""
LABEL_DELAY_SECONDS = 12.0
LABELS_KEPT = 200_000
TIMEOUT_SECONDS = 10.0


@dataclass(slots=True)
class Traffic:
    """Sends requests until it is stopped. `failed` stays 0: the sidecar makes no inference fail."""

    port: int
    rng: np.random.Generator
    calm_seconds: float = CALM_SECONDS
    sent: int = 0
    failed: int = 0
    campaign_since: float | None = None
    _labels: deque[tuple[float, str, int]] = field(default_factory=lambda: deque(maxlen=LABELS_KEPT))
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(TIMEOUT_SECONDS)

    def labels_due(self) -> list[tuple[str, int]]:
        """Outcomes that have become known: prediction id and whether the credit was repaid."""
        due = []
        while self._labels and time.monotonic() - self._labels[0][0] > LABEL_DELAY_SECONDS:
            _, identity, repaid = self._labels.popleft()
            due.append((identity, repaid))
        return due

    def _run(self) -> None:
        began = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)
        while not self._stopping.is_set():
            if self.campaign_since is None and time.monotonic() - began > self.calm_seconds:
                self.campaign_since = time.monotonic()
            self._request(connection, applicants(self.rng, ROWS_PER_REQUEST, campaign=self.campaign_since is not None))
            self._stopping.wait(1 / REQUESTS_PER_SECOND)
        connection.close()

    def _request(self, connection: http.client.HTTPConnection, batch: Applicants) -> None:
        identity = f"loan-{self.sent:06d}"
        try:
            connection.request(
                "POST", "/v2/models/credit/infer", body_of(identity, batch), {"content-type": "application/json"}
            )
            answer = connection.getresponse()
            answer.read()
            self.failed += answer.status != http.client.OK
        except (OSError, http.client.HTTPException):
            self.failed += 1
            connection.close()
        self.sent += 1
        now = time.monotonic()
        self._labels.extend((now, f"{identity}/{row}", int(repaid)) for row, repaid in enumerate(batch.repaid))


def body_of(identity: str, batch: Applicants) -> bytes:
    """An Open Inference Protocol request: one input a feature."""
    columns = [(name, "FP64") for name in NUMBERS] + [(name, "BYTES") for name in (*NAMES, GROUP)]
    shape = [len(batch.inputs), 1]
    inputs = [
        {"name": name, "shape": shape, "datatype": kind, "data": batch.inputs[name].tolist()} for name, kind in columns
    ]
    return json.dumps({"id": identity, "inputs": inputs}).encode()
