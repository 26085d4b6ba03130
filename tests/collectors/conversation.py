"""A small language for what passes between a client and a server, and for what an observer makes of it.

A conversation is a list of (direction, bytes). `post` and `answer` write well-formed messages; anything else is
written by hand.
"""

import json
import random
from collections.abc import Iterable, Iterator, Sequence

from collectors.protocols import Direction, Exchange
from collectors.protocols.connection import Connection
from collectors.protocols.memory import Budget

Step = tuple[Direction, bytes]


def client(data: bytes) -> Step:
    return Direction.TO_SERVER, data


def server(data: bytes) -> Step:
    return Direction.TO_CLIENT, data


def _head(start: str, headers: dict[str, str]) -> bytes:
    return "\r\n".join([start, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode("latin-1")


def post(target: str, body: bytes = b"", **headers: str) -> Step:
    """A POST with Content-Length; underscores in header names stand for hyphens."""
    fields = {"Host": "x", "Content-Length": str(len(body))} | {k.replace("_", "-"): v for k, v in headers.items()}
    return client(_head(f"POST {target} HTTP/1.1", fields) + body)


def get(target: str, method: str = "GET") -> Step:
    return client(_head(f"{method} {target} HTTP/1.1", {"Host": "x"}))


def answer(body: bytes = b"", status: int = 200, **headers: str) -> Step:
    """A response with Content-Length."""
    fields = {"Content-Length": str(len(body))} | {k.replace("_", "-"): v for k, v in headers.items()}
    return server(_head(f"HTTP/1.1 {status} Reason", fields) + body)


def chunked(*chunks: bytes, trailers: bytes = b"") -> bytes:
    """A body in the chunked coding."""
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n" + trailers + b"\r\n"


def tensor(name: str, shape: Sequence[int], datatype: str, data: object) -> dict[str, object]:
    return {"name": name, "shape": list(shape), "datatype": datatype, "data": data}


def infer(model: str = "m", id: str | None = None, **tensors: tuple[Sequence[int], str, object]) -> Step:
    """An Open Inference request in JSON."""
    body: dict[str, object] = {"inputs": [tensor(name, *rest) for name, rest in tensors.items()]}
    return post(f"/v2/models/{model}/infer", json.dumps(body | ({"id": id} if id else {})).encode())


def inferred(model: str = "m", version: str = "1", **tensors: tuple[Sequence[int], str, object]) -> Step:
    """An Open Inference response in JSON."""
    body = {"model_name": model, "model_version": version, "outputs": [tensor(n, *rest) for n, rest in tensors.items()]}
    return answer(json.dumps(body).encode())


def in_pieces(steps: Iterable[Step], sizes: Iterator[int]) -> Iterator[Step]:
    """The same bytes, cut into other pieces."""
    for direction, data in steps:
        at = 0
        while at < len(data):
            size = next(sizes)
            yield direction, data[at : at + size]
            at += size


def random_sizes(rng: random.Random, largest: int) -> Iterator[int]:
    while True:
        yield rng.randint(1, largest)


def always(size: int) -> Iterator[int]:
    while True:
        yield size


class Watched:
    """What an observer made of a conversation: exchanges, why the rest was not read, and that it holds nothing more."""

    def __init__(
        self, steps: Iterable[Step], *, closes: bool = True, budget: Budget | None = None, wanted: bool = True
    ) -> None:
        self.budget = budget or Budget()
        self.connection = Connection(self.budget, lambda method, target: wanted, met_midway=False)
        self.exchanges: list[Exchange] = []
        self.time_ns = 1
        self.say(steps)
        if closes:
            self.close()

    def say(self, steps: Iterable[Step]) -> "Watched":
        for direction, data in steps:
            self.time_ns += 1
            self.exchanges += self.connection.received(direction, data, self.time_ns)
        return self

    def lose(self, direction: Direction, count: int) -> "Watched":
        self.time_ns += 1
        self.exchanges += self.connection.lost(direction, count)[0]
        return self

    def close(self) -> "Watched":
        self.time_ns += 1
        self.exchanges += self.connection.closed(self.time_ns)
        return self

    @property
    def story(self) -> list[tuple[str, str, int, bytes, bytes, str | None]]:
        """The exchanges without their times."""
        return [
            (e.method, e.target, e.status, bytes(e.request_body), bytes(e.response_body), e.damage)
            for e in self.exchanges
        ]
