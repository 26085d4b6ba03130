"""A real Alertmanager that forwards to a test's webhook at once."""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.system.services.process import answers, free_port, running_process


@dataclass(frozen=True)
class Alertmanager:
    url: str

    def alerts(self) -> list[dict[str, Any]]:
        """What it holds as active now."""
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts", timeout=10) as answer:
            return list(json.load(answer))


def installed() -> bool:
    return shutil.which("prometheus-alertmanager") is not None


@contextmanager
def running_alertmanager(folder: Path, webhook: str) -> Iterator[Alertmanager]:
    """Alertmanager without a cluster, every alert its own group, notified within a second."""
    port = free_port()
    configuration = {
        "route": {
            "receiver": "test",
            "group_by": ["..."],
            "group_wait": "0s",
            "group_interval": "1s",
            "repeat_interval": "4h",
        },
        "receivers": [{"name": "test", "webhook_configs": [{"url": webhook, "send_resolved": True}]}],
    }
    file = folder / "alertmanager.yml"
    file.write_text(yaml.safe_dump(configuration))
    command = [
        "prometheus-alertmanager",
        f"--config.file={file}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        f"--storage.path={folder / 'data'}",
    ]
    url = f"http://127.0.0.1:{port}"
    with running_process(command, folder, lambda log: answers(f"{url}/-/ready")):
        yield Alertmanager(url)
