"""The demo, from start to the alert it receives at its own webhook."""

from __future__ import annotations

import csv
import queue
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from outrider.demo.scenario import BASELINE_ROWS, GROUP, NAMES, NUMBERS, applicants, declaration, train
from outrider.demo.stage import Stage, answers, free_port, outrider
from outrider.demo.traffic import CALM_SECONDS, LABEL_DELAY_SECONDS, REQUESTS_PER_SECOND, ROWS_PER_REQUEST, Traffic
from outrider.demo.webhook import Webhook

LABELS_EVERY_SECONDS = 5.0
STATUS_EVERY_SECONDS = 10.0
SEED = 20260301
"""The demo's own generator: every run shows the same applicants."""


def show(*, seconds: float | None, keep: bool) -> int:
    """Run the demo; 0 where the alert arrived. With `keep` it stays up until it is interrupted."""
    with tempfile.TemporaryDirectory(prefix="outrider-demo-") as name:
        stage, webhook = Stage(Path(name)), Webhook()
        traffic: Traffic | None = None
        # The processes have sessions of their own: whatever ends us must end them too.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.default_int_handler)
        try:
            traffic = set_up(stage, webhook)
            return watch(stage, webhook, traffic, seconds=seconds, keep=keep)
        except KeyboardInterrupt:
            stage.say("interrupted")
            return 0 if keep else 1
        finally:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)  # the end is bounded, and a second Ctrl-C would leave some behind
            if traffic is not None:
                traffic.stop()
            stage.close()
            webhook.close()


def set_up(stage: Stage, webhook: Webhook) -> Traffic:
    """Server, monitor, declaration, baseline, sidecar, traffic; every URL is printed once it answers."""
    rng = np.random.default_rng(SEED)
    server, sidecar, telemetry, monitor = (free_port(p) for p in (8000, 8080, 8081, 8090))
    model = stage.folder / "credit.onnx"
    stage.say("training a credit model and writing it as ONNX")
    train(rng, model)
    stage.start(
        "server", [sys.executable, "-m", "outrider.demo.server", "127.0.0.1", str(server), "credit", str(model)]
    )
    stage.start(
        "monitor", outrider("monitor", "--listen", f"127.0.0.1:{monitor}", "--data", str(stage.folder / "data"))
    )
    baseline = stage.folder / "baseline.csv"
    stage.wait("server", f"http://127.0.0.1:{server}/v2/health/ready")
    stage.say(f"inference server (ONNX Runtime, Open Inference Protocol): http://127.0.0.1:{server}/v2/health/ready")
    write_baseline(rng, model, baseline)
    addresses = {
        "--listen": f"127.0.0.1:{sidecar}",
        "--upstream": f"127.0.0.1:{server}",
        "--monitor": f"http://127.0.0.1:{monitor}",
        "--spool": str(stage.folder / "spool"),
        "--metrics": f"127.0.0.1:{telemetry}",
    }
    stage.start("sidecar", outrider("sidecar", *(word for option in addresses.items() for word in option)))
    stage.wait("sidecar", f"http://127.0.0.1:{sidecar}/v2/health/ready")
    stage.say(f"the same server through the sidecar: http://127.0.0.1:{sidecar}/v2/health/ready")
    traffic = Traffic(sidecar, rng)
    traffic.start()
    stage.say(f"live traffic: {REQUESTS_PER_SECOND * ROWS_PER_REQUEST} predictions a second, first inference sent")
    stage.say(f"the sidecar's own metrics: http://127.0.0.1:{telemetry}/metrics")
    url = f"http://127.0.0.1:{monitor}"
    stage.wait("monitor", f"{url}/health/ready")
    (stage.folder / "credit.yaml").write_text(declaration(model, webhook.url))
    stage.say(stage.run(["model", "apply", str(stage.folder / "credit.yaml"), "--monitor", url]))
    stage.say(stage.run(["baseline", "credit", str(baseline), "--monitor", url]))
    for text, page in (
        ("dashboards", "/"),
        ("the model's page", "/models/credit"),
        ("metrics for Prometheus", "/metrics"),
        ("API", "/openapi.json"),
    ):
        stage.say(f"{text}: {url}{page}" + ("" if answers(url + page) else "  (does not answer)"))
    stage.say(f"the webhook that receives alerts: {webhook.url}")
    stage.url = url
    return traffic


def write_baseline(rng: np.random.Generator, model: Path, path: Path) -> None:
    """Applicants of the calm time with the model's answers and the truth: what a team has after its validation."""
    from outrider.demo.server import Model  # noqa: PLC0415  (loads ONNX Runtime)

    known = applicants(rng, BASELINE_ROWS)
    shape = [BASELINE_ROWS, 1]
    kinds = [(n, "FP64") for n in NUMBERS] + [(n, "BYTES") for n in (*NAMES, GROUP)]
    inputs = [{"name": n, "shape": shape, "datatype": k, "data": known.inputs[n].tolist()} for n, k in kinds]
    outputs = Model("credit", str(model)).infer(inputs)
    frame = known.inputs.assign(**{o["name"]: o["data"] for o in outputs}, repaid=known.repaid)
    frame.to_csv(path, index=False)


def watch(stage: Stage, webhook: Webhook, traffic: Traffic, *, seconds: float | None, keep: bool) -> int:
    """Send labels as they become known, tell what happens, and end with the alert."""
    stage.say(
        f"calm for {CALM_SECONDS:.0f} s, then a campaign brings other applicants; labels come {LABEL_DELAY_SECONDS:.0f} s late"
    )
    campaign_told, drift_told = False, False
    labels_at = status_at = time.monotonic()
    while seconds is None or time.monotonic() - stage.began < seconds:
        stage.check()
        if traffic.campaign_since is not None and not campaign_told:
            campaign_told = True
            stage.say("the campaign begins: nearly half of the applicants are students now")
        if time.monotonic() - labels_at > LABELS_EVERY_SECONDS:
            labels_at = time.monotonic()
            send_labels(stage, traffic)
        if time.monotonic() - status_at > STATUS_EVERY_SECONDS:
            status_at = time.monotonic()
            stage.say(f"{traffic.sent:,} requests sent, {traffic.failed} failed")
        for page in pages(webhook):
            tell(stage, page)
            drift_told = drift_told or page["kind"] == "drift"
        if drift_told and not keep and seconds is None:
            return 0
        time.sleep(0.1)
    return 0 if drift_told else 1


def send_labels(stage: Stage, traffic: Traffic) -> None:
    due = traffic.labels_due()
    if not due:
        return
    path = stage.folder / "labels.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["prediction_id", "repaid"])
        writer.writerows(due)
    stage.run(["labels", "credit", str(path), "--monitor", stage.url])


def pages(webhook: Webhook) -> list[dict[str, Any]]:
    """The alerts that arrived since the last look."""
    found: list[dict[str, Any]] = []
    while True:
        try:
            body = webhook.pages.get_nowait()
        except queue.Empty:
            return found
        found += body["alerts"]


def tell(stage: Stage, page: dict[str, Any]) -> None:
    stage.say(f"ALERT at the webhook: {page['state']} {page['kind']} of {page['model']}")
    print(f"          {page['summary']}")
    for feature in page["features"][:5]:
        print(
            f"          - {feature['feature']}: {feature['detail'] or feature['metric']} ({feature['score']:.1f} times its limit)"
        )
    print(f"          {page['link']}", flush=True)
