"""A real Prometheus with our rule file, scraping what a test serves."""

from __future__ import annotations

import json
import shutil
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.system.services.process import answers, free_port, running_process


@dataclass(frozen=True)
class Prometheus:
    url: str

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The instant vector or matrix that `expression` gives now; a refused query raises with Prometheus's words."""
        return list(self._get("/api/v1/query", query=expression)["data"]["result"])

    def rules(self) -> list[dict[str, Any]]:
        return [rule for group in self._get("/api/v1/rules")["data"]["groups"] for rule in group["rules"]]

    def targets(self) -> list[dict[str, Any]]:
        return list(self._get("/api/v1/targets")["data"]["activeTargets"])

    def _get(self, path: str, **parameters: str) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(f"{self.url}{path}?{urllib.parse.urlencode(parameters)}", timeout=10) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from error


def installed() -> bool:
    return shutil.which("prometheus") is not None


@contextmanager
def running_prometheus(
    folder: Path, targets: Mapping[str, str], rules: Sequence[Path] = (), alertmanager: str | None = None
) -> Iterator[Prometheus]:
    """Scrape `targets` (job name → host:port/path) every second and evaluate `rules`; data in `folder`."""
    port = free_port()
    configuration: dict[str, Any] = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(path.resolve()) for path in rules],
        "scrape_configs": [
            {
                "job_name": job,
                "metrics_path": f"/{address.partition('/')[2]}",
                "static_configs": [{"targets": [address.partition("/")[0]]}],
            }
            for job, address in targets.items()
        ],
    }
    if alertmanager:
        configuration["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]}
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(configuration))
    command = [
        "prometheus",
        f"--config.file={file}",
        f"--web.listen-address=127.0.0.1:{port}",
        f"--storage.tsdb.path={folder / 'data'}",
        # The first sending may come before Alertmanager is discovered; the next one would wait a minute.
        "--rules.alert.resend-delay=1s",
        "--web.enable-lifecycle",
        "--web.enable-remote-write-receiver",
        "--enable-feature=exemplar-storage,native-histograms",
    ]
    url = f"http://127.0.0.1:{port}"
    with running_process(command, folder, lambda log: answers(f"{url}/-/ready")):
        yield Prometheus(url)
