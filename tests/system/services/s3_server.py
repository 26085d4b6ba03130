"""A real S3 server (versitygw) on loopback, over a directory; built once from its Go module."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.system.services.environment import interpreter
from tests.system.services.process import answers, free_port, running_process

MODULE = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
BINARIES = Path(__file__).parents[3] / ".services" / "bin"
BUILD_SECONDS_MAX = 900.0
"""A minute on two cores, the first time."""
REGION = "us-east-1"


@dataclass(frozen=True)
class S3Server:
    url: str
    folder: Path
    """Objects are files in it: bucket, then key."""

    @property
    def environ(self) -> dict[str, str]:
        """What clients need to be let in."""
        return {"AWS_ACCESS_KEY_ID": "outrider", "AWS_SECRET_ACCESS_KEY": "not-a-secret", "AWS_REGION": REGION}

    @property
    def options(self) -> dict[str, str]:
        return {"endpoint": self.url, "region": REGION, "virtual_hosted_style_request": "false"}


@contextmanager
def running_s3(folder: Path, *buckets: str) -> Iterator[S3Server]:
    """Serve `folder`, with these buckets in it."""
    data = folder / "data"
    for bucket in buckets:
        (data / bucket).mkdir(parents=True)
    port = free_port()
    address = f"127.0.0.1:{port}"
    command = [str(_binary()), "-q", "--port", address, "--region", REGION, "--health", "/health", "posix", str(data)]
    environ = {"ROOT_ACCESS_KEY": "outrider", "ROOT_SECRET_KEY": "not-a-secret"}
    with running_process(command, folder, lambda log: answers(f"http://{address}/health"), environ):
        yield S3Server(f"http://{address}", data)


def _binary() -> Path:
    binary = BINARIES / "versitygw"
    if not binary.exists():
        go = interpreter("go").parent / "go"
        BINARIES.mkdir(parents=True, exist_ok=True)
        environ = os.environ | {"CGO_ENABLED": "0", "GOBIN": str(BINARIES)}
        subprocess.run(
            [go, "install", "-buildvcs=false", MODULE],
            check=True, env=environ, cwd=BINARIES, timeout=BUILD_SECONDS_MAX, capture_output=True,
        )  # fmt: skip
    return binary
