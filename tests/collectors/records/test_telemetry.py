"""Samples on the wire: what cannot be refuses the batch."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import zstandard

from collectors.records.encoding import BatchError, decode_batch, encode_batch
from collectors.records.types import Batch, GpuSample, ServerSample, TelemetrySample

GPU: dict[str, Any] = {"type": "gpu", "start_ns": 1, "end_ns": 2, "device": "GPU-a"}
SERVER: dict[str, Any] = {"type": "server", "start_ns": 1, "end_ns": 2, "server": "vllm", "address": "h", "model": "m"}


def sent(record: dict[str, Any]) -> bytes:
    """As a sender writes it who checks nothing."""
    plain = msgspec.msgpack.encode({"sidecar": "s", "sequence": 1, "records": [record]})
    return b"ORB\x01" + zstandard.ZstdCompressor().compress(plain)


@pytest.mark.parametrize(
    "sample",
    [
        GpuSample(start_ns=1, end_ns=2, device="GPU-a", energy_joules=1.5, throttled=(), xids=(79,), unknown={"mig": "x"}),
        ServerSample(start_ns=1, end_ns=2, server="triton", address="h:1", model="m", busy_seconds=0.5, devices=("a", "b")),
    ],
)  # fmt: skip
def test_a_sample_comes_back(sample: TelemetrySample) -> None:
    """What is unknown stays unknown."""
    batch = Batch(sidecar="s", sequence=1, records=(sample,))
    assert decode_batch(encode_batch(batch)) == batch


@pytest.mark.parametrize(
    "wrong",
    [
        GPU | {"energy_joules": float("nan")},
        GPU | {"energy_joules": float("inf")},
        GPU | {"energy_joules": 1e300},
        GPU | {"power_watts": -1.0},
        GPU | {"temperature_celsius": float("nan")},
        GPU | {"end_ns": 1},
        GPU | {"end_ns": 2**63},
        SERVER | {"busy_seconds": float("nan")},
        SERVER | {"requests": -1},
        SERVER | {"start_ns": -1},
    ],
)
def test_a_sample_that_cannot_be_refuses_its_batch(wrong: dict[str, Any]) -> None:
    """Its sums would be no numbers."""
    assert decode_batch(sent(GPU)) and decode_batch(sent(SERVER))
    with pytest.raises(BatchError, match="expected"):
        decode_batch(sent(wrong))
