"""What is asked and answered, and how it is sent: bodies of the Open Inference Protocol, each with its rate."""

import json
import struct
from dataclasses import dataclass

from tests.fuzz.seeds import UNARY, described, infer_request, infer_response, message

PATH = "/v2/models/m/infer"


@dataclass(frozen=True)
class Payload:
    """`rate` is requests a second of the paced load; `json_bytes` the length of the JSON before binary data, 0 for none."""

    name: str
    request: bytes
    answer: bytes
    rate: int
    is_grpc: bool = False
    json_bytes: int = 0

    @property
    def http(self) -> bytes:
        """The whole request of HTTP/1.1."""
        told = f"Inference-Header-Content-Length: {self.json_bytes}\r\n" if self.json_bytes else ""
        head = f"POST {PATH} HTTP/1.1\r\nHost: h\r\n{told}Content-Length: {len(self.request)}\r\n\r\n"
        return head.encode() + self.request


def values(count: int) -> list[float]:
    return [round(0.37 * (i * 7919 % 1009) - 3.1, 4) for i in range(count)]


def answered(bytes_about: int) -> bytes:
    output = {"name": "p", "shape": [1, 1], "datatype": "FP32", "data": [0.5]}
    return json.dumps({"model_name": "m", "outputs": [output], "parameters": {"pad": "x" * bytes_about}}).encode()


def in_json(name: str, columns: int, rate: int) -> Payload:
    x = {"name": "x", "shape": [1, columns], "datatype": "FP32", "data": values(columns)}
    asked = {"id": "0123456789abcdef", "inputs": [x], "parameters": {"pad": "x" * 200}}
    return Payload(name, json.dumps(asked).encode(), answered(800), rate)


def in_binary(name: str, count: int, rate: int) -> Payload:
    data = struct.pack(f"<{count}f", *values(count))
    parameters = {"binary_data_size": len(data)}
    x = {"name": "x", "shape": [1, count], "datatype": "FP32", "parameters": parameters}
    head = json.dumps({"id": "0123456789abcdef", "inputs": [x]}).encode()
    return Payload(name, head + data, answered(800), rate, json_bytes=len(head))


def in_grpc(name: str, columns: int, rate: int) -> Payload:
    x = infer_request(
        described("x", "FP32", [1, columns]),
        raw=(struct.pack(f"<{columns}f", *values(columns)),),
        id="0123456789abcdef",
    )
    p = infer_response(described("p", "FP32", [1, 1]), raw=(struct.pack("<f", 0.5),), id="0123456789abcdef")
    return Payload(name, message(x), message(p), rate, is_grpc=True)


GRPC_PATH = UNARY

SMALL = in_json("JSON, 0.5 KB", 20, 5000)
TENSOR = in_binary("binary tensor, 600 KB", 150_000, 100)
PAYLOADS = (SMALL, in_json("JSON, 12 KB", 1500, 2000), TENSOR, in_grpc("gRPC unary, 0.2 KB", 20, 2000))
