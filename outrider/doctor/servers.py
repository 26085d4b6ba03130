"""Finding inference servers: who listens on loopback, and what each of them speaks."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from collectors.decoders.registry import Registry
from outrider.doctor import messages
from outrider.doctor.asking import Answer, NoAnswer, ask, connects, split
from outrider.doctor.grpc_calls import OK, UNIMPLEMENTED, call

LISTENERS_MAX = 128
"""Ports that are asked; a machine with more listeners is told to name the address."""
WORKERS = 8
MODELS_SHOWN = 20
TCP_LISTEN = "0A"
LOOPBACK = ("00000000", "0100007F")
"""IPv4 addresses of /proc/net/tcp through which 127.0.0.1 is reached: any, and itself."""
LOOPBACK_V6 = ("0" * 32, "00000000000000000000000001000000")
USUAL_PORTS = (8000, 8001, 8002, 8080, 8081, 8090, 8500, 8501, 9000, 9090, 11434)
"""Asked where the machine does not tell who listens."""
OPEN_INFERENCE, OPEN_INFERENCE_GRPC = "Open Inference Protocol", "Open Inference Protocol over gRPC"
TENSORFLOW, TENSORFLOW_GRPC = "TensorFlow Serving REST", "TensorFlow Serving over gRPC"
KSERVE_V1, OPENAI, TORCHSERVE, SELDON_V1 = "KServe v1", "OpenAI API", "TorchServe", "Seldon v1"
TORCHSERVE_GRPC, SELDON_V1_GRPC = "TorchServe over gRPC", "Seldon v1 over gRPC"
INVOCATIONS = "SageMaker and MLflow invocations"
CALLS = {
    OPEN_INFERENCE: "/v2/models/m/infer",
    OPEN_INFERENCE_GRPC: "/inference.GRPCInferenceService/ModelInfer",
    TENSORFLOW: "/v1/models/m:predict",
    TENSORFLOW_GRPC: "/tensorflow.serving.PredictionService/Predict",
    KSERVE_V1: "/v1/models/m:predict",
    OPENAI: "/v1/chat/completions",
    TORCHSERVE: "/predictions/m",
    TORCHSERVE_GRPC: "/org.pytorch.serve.grpc.inference.InferenceAPIsService/Predictions",
    SELDON_V1: "/api/v1.0/predictions",
    SELDON_V1_GRPC: "/seldon.protos.Seldon/Predict",
    INVOCATIONS: "/invocations",
}
"""The path of an inference of each protocol: what the sidecar makes of it is asked of its own decoders."""
NOWHERE = "/v2/health/outrider-doctor"
"""No server has it; who answers it with success, as Triton's port for metrics does, answers anything so."""
OIP, _TENSORFLOW = "/inference.GRPCInferenceService/", "/tensorflow.serving.PredictionService/"
_SELDON = "/seldon.protos.Seldon/"
_TORCHSERVE = "/org.pytorch.serve.grpc.inference.InferenceAPIsService/"
_TORCHSERVE_STATES = ("healthy", "partial healthy", "unhealthy")
_MULTI_MODEL_SERVER = "Model Server APIs"
"""What the server in SageMaker's containers calls its API; TorchServe, which came of it, has a name of its own."""
_VERSION = re.compile(r"[0-9]+\.[0-9]+[0-9A-Za-z.+-]*")
HTTP2_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
"""The client's preface and empty settings; a server of HTTP/2 answers with its own settings frame (type 4)."""


@dataclass(frozen=True, slots=True)
class Server:
    """What an address turned out to be. `captured`: whether the sidecar reads what passes here."""

    address: str
    speaks: str
    name: str = ""
    version: str = ""
    models: tuple[str, ...] = ()
    ready: bool | None = None
    captured: bool = False

    def document(self) -> dict[str, Any]:
        return {
            "address": self.address,
            "speaks": self.speaks,
            "name": self.name or None,
            "version": self.version or None,
            "models": list(self.models),
            "ready": self.ready,
            "captured": self.captured,
        }


def is_decoded(speaks: str) -> bool:
    return speaks in CALLS and Registry().is_inference("POST", CALLS[speaks])


def find_servers(addresses: Sequence[str]) -> list[Server]:
    """Everything known that answers at these addresses, in their order."""
    with ThreadPoolExecutor(WORKERS) as pool:
        found = pool.map(identify, addresses)
        return [server for server in found if server is not None]


def listening(proc: Path = Path("/proc/net")) -> list[str]:
    """Addresses on loopback where somebody listens, as the machine tells; the usual ports where it does not."""
    ports: set[tuple[str, int]] = set()
    for name, host, reachable in (("tcp", "127.0.0.1", LOOPBACK), ("tcp6", "[::1]", LOOPBACK_V6)):
        try:
            lines = (proc / name).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            local, state = (line.split()[i] for i in (1, 3))
            address, _, port = local.partition(":")
            if state == TCP_LISTEN and address in reachable:
                ports.add((host, int(port, 16)))
    both = {port for host, port in ports if host == "127.0.0.1"}
    chosen = sorted((port, host) for host, port in ports if host == "127.0.0.1" or port not in both)
    if not chosen:
        return [f"127.0.0.1:{p}" for p in USUAL_PORTS if connects(f"127.0.0.1:{p}", timeout_s=0.2) is None]
    return [f"{host}:{port}" for port, host in chosen[:LISTENERS_MAX]]


def identify(address: str) -> Server | None:
    """What answers at an address; None where it is nothing we know."""
    try:
        ask(address, "/", timeout_s=1.0)
    except NoAnswer:
        found = _grpc(address) if speaks_http2(address) else None
        return found and replace(found, captured=is_decoded(found.speaks))
    for recognise in RECOGNISERS:
        try:
            found = recognise(address)
        except NoAnswer:
            continue
        if found is not None:
            return replace(found, captured=is_decoded(found.speaks))
    return None


def speaks_http2(address: str) -> bool:
    """Whether the first frame of the answer is settings, as HTTP/2 without TLS begins."""
    try:
        with socket.create_connection(split(address), timeout=1.0) as connection:
            connection.sendall(HTTP2_HELLO)
            head = connection.recv(9)
    except OSError:
        return False
    return len(head) == 9 and head[3] == 4


def _grpc(address: str) -> Server:
    """Which service of gRPC answers: each is asked for something harmless, and strangers say that they lack it."""
    try:
        ready = call(address, f"{OIP}ServerReady")
        if ready.status != UNIMPLEMENTED:
            told = call(address, f"{OIP}ServerMetadata").message
            name, version = ("".join(messages.texts(told, number)[:1]) for number in (1, 2))
            found = Server(address, OPEN_INFERENCE_GRPC, name, version)
            return replace(found, models=_grpc_repository(address), ready=messages.flag(ready.message, 1))
        if call(address, f"{_TENSORFLOW}GetModelMetadata").status != UNIMPLEMENTED:
            return Server(address, TENSORFLOW_GRPC)
        if call(address, f"{_TORCHSERVE}Ping").status == OK:
            return Server(address, TORCHSERVE_GRPC, ready=True)
        if call(address, f"{_SELDON}ModelMetadata").status != UNIMPLEMENTED:
            return Server(address, SELDON_V1_GRPC)
    except NoAnswer:
        pass
    return Server(address, "HTTP/2 (gRPC)")


def _grpc_repository(address: str) -> tuple[str, ...]:
    """Models by the repository extension; Triton has it in the service itself."""
    index = call(address, f"{OIP}RepositoryIndex")
    named = [name for each in messages.parts(index.message, 1) for name in messages.texts(each, 1)[:1]]
    return tuple(dict.fromkeys(named))[:MODELS_SHOWN] if index.status == OK else ()


def _open_inference(address: str) -> Server | None:
    answer = ask(address, "/v2")
    document = answer.json()
    by_metadata = (
        answer.status == 200 and isinstance(document, dict) and ("extensions" in document or "name" in document)
    )
    ready = ask(address, "/v2/health/ready")
    if not by_metadata and (ready.status != 200 or ask(address, NOWHERE).status == 200):
        return None
    named = document if by_metadata else {}
    found = Server(address, OPEN_INFERENCE, ready=ready.status == 200)
    found = replace(found, name=str(named.get("name", ""))[:80], version=str(named.get("version", ""))[:40])
    return replace(found, models=_repository(address))


def _repository(address: str) -> tuple[str, ...]:
    """Models by the repository extension, which Triton and MLServer have, or by the list that KServe's server has."""
    try:
        # MLServer wants a body that says nothing.
        document = ask(address, "/v2/repository/index", method="POST", json_body=b"{}").json()
        if isinstance(document, list):
            names = [str(i["name"]) for i in document if isinstance(i, dict) and i.get("name")]
        else:
            document = ask(address, "/v2/models").json()
            listed = document.get("models") if isinstance(document, dict) else None
            names = [str(name) for name in listed] if isinstance(listed, list) else []
    except NoAnswer:
        return ()
    return tuple(names[:MODELS_SHOWN])


def _models_v1(address: str) -> Server | None:
    """KServe's first protocol, TensorFlow Serving and the OpenAI API share a path and differ in the answer."""
    answer = ask(address, "/v1/models")
    document = answer.json()
    if not isinstance(document, dict):
        return None
    if isinstance(document.get("data"), list):
        models = [m for m in document["data"] if isinstance(m, dict) and "id" in m]
        owner = str(models[0].get("owned_by") or "")[:80] if models else ""
        names = tuple(str(m["id"]) for m in models[:MODELS_SHOWN])
        return Server(address, OPENAI, name=owner, version=_version(address), models=names)
    if isinstance(document.get("models"), list):
        names = tuple(str(m.get("name", "")) if isinstance(m, dict) else str(m) for m in document["models"])
        return Server(address, KSERVE_V1, models=names[:MODELS_SHOWN])
    if str(document.get("error", "")).startswith("Malformed request: GET /v1/models"):
        return Server(address, TENSORFLOW)
    return None


def _version(address: str) -> str:
    """As vLLM tells it."""
    document = ask(address, "/version").json()
    return str(document.get("version", ""))[:40] if isinstance(document, dict) else ""


def _title(address: str, path: str) -> str:
    """Of the description of an API in OpenAPI's form."""
    document = ask(address, path).json()
    info = document.get("info") if isinstance(document, dict) else None
    return str(info.get("title", "")) if isinstance(info, dict) else ""


def _invocations(address: str) -> Server | None:
    """A container of SageMaker answers /ping and refuses to GET /invocations; MLflow's also tells its version."""
    ping = ask(address, "/ping")
    if ping.status != 200:
        return None
    state = ping.json()
    if isinstance(state, dict) and str(state.get("status", "")).lower() in _TORCHSERVE_STATES:
        ready = str(state["status"]).lower() == "healthy"
        if _title(address, "/api-description") == _MULTI_MODEL_SERVER:
            return Server(address, INVOCATIONS, name="multi-model-server", ready=ready)
        return Server(address, TORCHSERVE, ready=ready)
    if ask(address, "/invocations").status != 405:
        return None
    version = ask(address, "/version")
    told = version.body.decode("utf-8", "replace")[:40].strip() if version.status == 200 else ""
    is_version = _VERSION.fullmatch(told) is not None
    return Server(
        address, INVOCATIONS, name="mlflow" if is_version else "", version=told if is_version else "", ready=True
    )


def _seldon(address: str) -> Server | None:
    """Seldon's executor and its Python wrapper serve the description of their API."""
    document = ask(address, "/seldon.json").json()
    return Server(address, SELDON_V1) if isinstance(document, dict) and "openapi" in document else None


def _monitor(address: str) -> Server | None:
    document = ask(address, "/openapi.json").json()
    info = document.get("info") if isinstance(document, dict) else None
    if not isinstance(info, dict) or info.get("title") != "Outrider":
        return None
    ready = ask(address, "/health/ready")
    return Server(address, "Outrider monitor", version=str(info.get("version", "")), ready=ready.status == 200)


def _metrics(address: str) -> Server | None:
    answer: Answer = ask(address, "/metrics")
    if answer.status != 200:
        return None
    for mark, speaks in ((b"outrider_tap_", "Outrider sidecar's metrics"), (b"nv_inference_", "Triton's metrics")):
        if mark in answer.body:
            return Server(address, speaks)
    return None


RECOGNISERS: tuple[Callable[[str], Server | None], ...] = (
    _monitor,
    _open_inference,
    _models_v1,
    _invocations,
    _seldon,
    _metrics,
)
"""Asked in this order; the first that knows the address names it."""
