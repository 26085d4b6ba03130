"""A server with the sidecar before it, and a relay on either side of the sidecar: what is recorded, and what passed."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collectors.records.encoding import MAGIC, decode_batch
from collectors.records.types import Prediction, Tensor
from tests.scripted_http import Answer, Scripted, scripted_http
from tests.system.services.outrider import Sidecar, running_sidecar
from tests.system.services.process import wait_until
from tests.system.services.relay import Relay, recording_relay

ARRIVAL_SECONDS_MAX = 60.0
GRPC_STATUS = {"NOT_FOUND": 404, "UNKNOWN": 500}
"""How clients of gRPC name what the records keep as HTTP's status."""


@dataclass(frozen=True)
class Tapped:
    """`address` is where clients connect."""

    sidecar: Sidecar
    before: Relay
    behind: Relay
    sink: Scripted

    @property
    def address(self) -> str:
        return self.before.address

    def predictions(self) -> list[Prediction]:
        """All that arrived so far, in the order of their time."""
        batches = [decode_batch(r.body) for r in list(self.sink.requests) if r.body.startswith(MAGIC)]
        found = [record for batch in batches for record in batch.records if isinstance(record, Prediction)]
        return sorted(found, key=lambda prediction: prediction.time_ns)

    def wait_for(self, count: int) -> list[Prediction]:
        """The predictions when so many have come; more than that is a fault."""
        wait_until(lambda: len(self.predictions()) >= count, ARRIVAL_SECONDS_MAX, f"{count} predictions arrive")
        found = self.predictions()
        assert len(found) == count, [(p.model, p.id, p.status) for p in found]
        return found

    def assert_nothing_changed(self) -> None:
        """Every byte that clients sent reached the server, and every byte that it answered reached them."""
        self.before.settle()
        self.behind.settle()
        assert self.before.passed() == self.behind.passed()
        assert sum(len(each.to_client) for each in self.before.connections) > 0

    def all_captured(self, count: int) -> list[Prediction]:
        """The predictions when so many have come: nothing else was seen, and not a byte was changed."""
        found = self.wait_for(count)
        self.assert_nothing_changed()
        assert self.outcomes() == {"captured": count, "undecodable": 0, "dropped": 0, "sampled_out": 0}
        return found

    def assert_records_are(self, said: Sequence[Mapping[str, Any]]) -> list[Prediction]:
        """Every record is what the client says that it sent and received, one after the other. Gives the records."""
        found = self.all_captured(len(said))
        assert [document(each) for each in found] == [
            each | {"status": GRPC_STATUS.get(each["status"], each["status"])} for each in said
        ]
        return found

    def outcomes(self) -> dict[str, float]:
        """How many exchanges were captured, how many could not be read."""
        kinds = ("captured", "undecodable", "dropped", "sampled_out")
        return {kind: self.sidecar.sample("outrider_capture_exchanges_total", outcome=kind) for kind in kinds}


@contextmanager
def tapped(folder: Path, upstream: str, settings: Mapping[str, object] | None = None) -> Iterator[Tapped]:
    """Relay, sidecar, relay, and `upstream` (host:port) behind them; what is captured goes to a sink that takes all."""
    with ExitStack() as stack:
        sink = stack.enter_context(scripted_http(lambda request: Answer()))
        behind = stack.enter_context(recording_relay(upstream))
        sidecar = stack.enter_context(running_sidecar(folder, behind.address, sink.url, settings))
        before = stack.enter_context(recording_relay(sidecar.address))
        yield Tapped(sidecar, before, behind, sink)


def told(tensor: Tensor) -> dict[str, Any]:
    """A tensor of a record in the words of the clients' scripts."""
    found: dict[str, Any] = {"datatype": tensor.datatype, "shape": list(tensor.shape)}
    if tensor.datatype == "BYTES":
        items = [item.encode() if isinstance(item, str) else item for item in tensor.items]
        return found | {"items": [base64.b64encode(item).decode() for item in items]}
    return found | {"data": base64.b64encode(tensor.data).decode()}


def document(prediction: Prediction) -> dict[str, Any]:
    """A record in the words of the clients' scripts: what was sent and received, nothing of when."""
    return {
        "model": prediction.model,
        "version": prediction.version,
        "id": prediction.id if prediction.id_source == "body" else None,
        "status": prediction.status,
        "error": prediction.error,
        "rows": prediction.rows,
        "inputs": {tensor.name: told(tensor) for tensor in prediction.inputs},
        "outputs": {tensor.name: told(tensor) for tensor in prediction.outputs},
    }


def read_documents(output: str) -> list[dict[str, Any]]:
    """What a client's script says that it sent and received: a JSON document a line."""
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]
