"""A model whose every answer is known beforehand, to the byte: what the server of a chaos case says, and what its client expects.

    python -m tests.system.chaos.model PORT

The answer holds the checksum of the request as the server got it, so that a client that finds the bytes it expects knows
of both ways that nothing was changed.
"""

from __future__ import annotations

import asyncio
import json
import sys
import zlib

MODEL, ROWS = "income", 4


def values(client: int, number: int) -> list[float]:
    """The features of one request: two a row, other ones in each."""
    return [client + number / 8, number % 7 - 3.0, 0.25 * client, number / 4, 1.5, -number / 2, client * 2.0, 0.125]


def score(a: float, b: float) -> float:
    return a / (1 + abs(a)) + b


def request(client: int, number: int) -> bytes:
    x = {"name": "x", "shape": [ROWS, 2], "datatype": "FP64", "data": values(client, number)}
    body = json.dumps({"id": f"c{client}-{number}", "inputs": [x]}).encode()
    head = f"POST /v2/models/{MODEL}/infer HTTP/1.1\r\nHost: model\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def answer(request: bytes) -> bytes:
    if not request.startswith(b"POST"):
        return b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    asked = json.loads(request.partition(b"\r\n\r\n")[2])
    data = asked["inputs"][0]["data"]
    scores = [score(a, b) for a, b in zip(data[::2], data[1::2], strict=True)]
    output = {"name": "p", "shape": [len(scores)], "datatype": "FP64", "data": scores}
    told = {"model_name": MODEL, "model_version": "1", "id": asked["id"], "outputs": [output]}
    body = json.dumps(told | {"parameters": {"checksum": zlib.crc32(request)}}).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Serving(asyncio.Protocol):
    """One connection: whole requests in, answers out."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._waiting = transport, b""

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        while b"\r\n\r\n" in self._waiting:
            head, _, behind = self._waiting.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            if len(behind) < length:
                return
            whole = len(head) + 4 + length
            self._transport.write(answer(self._waiting[:whole]))
            self._waiting = self._waiting[whole:]


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Serving, "127.0.0.1", port, backlog=256)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
