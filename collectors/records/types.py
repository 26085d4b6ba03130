"""The record types. Times are Unix nanoseconds (UTC); unknown fields of newer senders are ignored by readers."""

import math
from typing import TYPE_CHECKING, Any, Literal

import msgspec

if TYPE_CHECKING:
    Item = str | bytes
else:
    Item = Any  # msgspec reads no union of text and bytes, though MessagePack tells them apart; Tensor checks them

Datatype = Literal[
    "BOOL",
    "UINT8",
    "UINT16",
    "UINT32",
    "UINT64",
    "INT8",
    "INT16",
    "INT32",
    "INT64",
    "FP16",
    "BF16",
    "FP32",
    "FP64",
    "BYTES",
]
"""The Open Inference Protocol's tensor datatypes plus BF16: the common tongue of every decoder."""

ITEM_BYTES: dict[str, int] = {
    "BOOL": 1,
    "UINT8": 1,
    "UINT16": 2,
    "UINT32": 4,
    "UINT64": 8,
    "INT8": 1,
    "INT16": 2,
    "INT32": 4,
    "INT64": 8,
    "FP16": 2,
    "BF16": 2,
    "FP32": 4,
    "FP64": 8,
}
"""Bytes of one element of the fixed-size datatypes."""

TIME_NS_MAX = 2**62
"""The year 2116: later times are none."""

AMOUNT_MAX = 2**63
"""Of anything that is counted or measured in an interval."""

IdSource = Literal["body", "x-request-id", "traceparent", "ce-id", "generated"]
CapturedBy = Literal["tap", "passive", "cloudevents", "kafka", "file", "asgi", "grpc", "client", "beacon"]
Fidelity = Literal["full", "headers_lost", "sampled_upstream", "truncated"]


class Tensor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One named tensor, row-major.

    `data` holds the little-endian elements of fixed-size datatypes (missing elements are zero there); `items` holds
    the elements of BYTES, text where they are UTF-8. `missing` lists the flat positions whose value was null.
    """

    name: str
    shape: tuple[int, ...]
    datatype: Datatype
    data: bytes = b""
    items: tuple[Item, ...] = ()
    missing: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.items and not all(isinstance(item, (str, bytes)) for item in self.items):
            raise ValueError("items: expected text or bytes")


class Prediction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="prediction"):
    """One exchange with a model: `rows` predictions that share a request and a response.

    Row i of n has the prediction id `id` when n is 1, else `id/i`. `time_ns` is the first byte of the request by the
    sidecar's clock. An exchange the server refused keeps its `status` and `error` and has no outputs.
    `inclusion` is the probability with which this exchange was kept by sampling (1 = always).
    """

    exchange: str
    id: str
    id_source: IdSource
    model: str
    version: str
    time_ns: int
    duration_ns: int | None = None
    status: int = 200
    error: str | None = None
    rows: int = 1
    inputs: tuple[Tensor, ...] = ()
    outputs: tuple[Tensor, ...] = ()
    inclusion: float = 1.0
    captured_by: CapturedBy = "tap"
    fidelity: Fidelity = "full"
    trace: str | None = None


class Gap(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="gap"):
    """A known hole in what was seen: how much, when, why. `exchanges_estimated` is how many were probably in it."""

    start_ns: int
    end_ns: int
    reason: str
    connections: int = 0
    bytes: int = 0
    exchanges_estimated: int = 0


class Ledger(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="ledger"):
    """What became of the exchanges seen between two instants: the conservation law, as increments.

    seen = captured + sampled_out + sum(dropped) + sum(undecodable) + not_inference. One entry a model and interval;
    `model` is None where the exchange did not tell it. An entry of one exchange that may be told again bears its name, and is
    added once: there is no prediction that would say so.
    """

    start_ns: int
    end_ns: int
    model: str | None = None
    version: str | None = None
    seen: int = 0
    captured: int = 0
    sampled_out: int = 0
    dropped: dict[str, int] = {}
    undecodable: dict[str, int] = {}
    not_inference: int = 0
    exchange: str | None = None


class Passed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="passed"):
    """What passed at a sidecar's tap between two instants, where nothing is parsed: the other conservation law.

    bytes = bytes_copied + sum(bytes_uncopied). `connections` are those that began; those that ended were copied or not.
    """

    start_ns: int
    end_ns: int
    connections: int = 0
    connections_copied: int = 0
    bytes: int = 0
    bytes_copied: int = 0
    connections_uncopied: dict[str, int] = {}
    bytes_uncopied: dict[str, int] = {}


class GpuSample(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="gpu"):
    """One accelerator between two instants. What is None is not known, and `unknown` says why, by field; nothing is 0 for that.

    `energy_joules` is what it took in between: of its own counter, or power times time where `energy_from` says so.
    `throttled` are the reasons for which its clocks were held down at the end, `xids` the driver's errors in between.
    `tenants` is how many processes (or containers) were on it. Of a device that is cut into parts (`mig`) all numbers are
    of the whole.
    """

    start_ns: int
    end_ns: int
    device: str
    product: str = ""
    source: Literal["nvml", "dcgm", "triton"] = "nvml"
    utilization: float | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    power_watts: float | None = None
    energy_joules: float | None = None
    energy_from: Literal["counter", "power"] = "counter"
    temperature_celsius: float | None = None
    sm_clock_mhz: float | None = None
    memory_clock_mhz: float | None = None
    throttled: tuple[str, ...] | None = None
    xids: tuple[int, ...] | None = None
    mig: bool | None = None
    tenants: int | None = None
    unknown: dict[str, str] = {}

    def __post_init__(self) -> None:
        _check_interval(self.start_ns, self.end_ns)
        _check_amounts(
            self.utilization,
            self.memory_used_bytes,
            self.memory_total_bytes,
            self.power_watts,
            self.energy_joules,
            self.sm_clock_mhz,
            self.memory_clock_mhz,
            self.tenants,
        )
        if self.temperature_celsius is not None and not math.isfinite(self.temperature_celsius):
            raise ValueError("temperature_celsius: expected a finite number")


class ServerSample(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="server"):
    """What an inference server says that it did for one model between two instants; None where it does not say.

    `busy_seconds` is the time of its computing, which models on one device share; `devices` are those it used.
    """

    start_ns: int
    end_ns: int
    server: Literal["triton", "vllm"]
    address: str
    model: str
    version: str = ""
    devices: tuple[str, ...] = ()
    requests: int = 0
    failed: int = 0
    inferences: int | None = None
    busy_seconds: float | None = None
    queue_seconds: float | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None

    def __post_init__(self) -> None:
        _check_interval(self.start_ns, self.end_ns)
        _check_amounts(
            self.requests,
            self.failed,
            self.inferences,
            self.busy_seconds,
            self.queue_seconds,
            self.tokens_in,
            self.tokens_out,
        )


def _check_interval(start_ns: int, end_ns: int) -> None:
    if not 0 <= start_ns < end_ns < TIME_NS_MAX:
        raise ValueError("start_ns, end_ns: expected an interval of time")


def _check_amounts(*amounts: float | None) -> None:
    """Sums of them are shown: none may be negative or not a number, nor so large that they overflow."""
    if any(amount is not None and not 0 <= amount < AMOUNT_MAX for amount in amounts):
        raise ValueError("expected amounts from 0 on")


TelemetrySample = GpuSample | ServerSample

Record = Prediction | Gap | Ledger | Passed | GpuSample | ServerSample


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """What a sidecar spools and ships as one; (sidecar, sequence) is its identity and never reused.

    Numbers may skip. `previous` is the number of the batch that was spooled before this one (0 before the first), so
    that a receiver can tell a number that was never given from a batch that never came; None where there is no order.
    """

    sidecar: str
    sequence: int
    records: tuple[Record, ...]
    previous: int | None = None

    @property
    def id(self) -> str:
        return f"{self.sidecar}/{self.sequence}"
