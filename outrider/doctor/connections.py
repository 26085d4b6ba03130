"""Every connection of a sidecar and a monitor, looked at one by one; each fault is told with what to do about it."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from collectors.errors import StartFailed
from collectors.tap.passive.starting import open_packets
from monitor.findings import rfc3339
from outrider.commands.api import path_of
from outrider.doctor.asking import Answer, Check, NoAnswer, address_of, ask, ask_url, check, connects
from outrider.doctor.servers import Server, speaks_http2

ARRIVAL_SECONDS = 30.0
"""A record is shipped within a second; a monitor that is busy may take longer to say so."""
POLL_SECONDS = 0.25
DELIVERY_SECONDS = 30.0
"""Records that wait and failed attempts are a fault where nothing was delivered for so long: the longest pause of a sidecar."""
UNAUTHORIZED, FORBIDDEN = 401, 403
CLOCK_SKEW_NS = 60 * 10**9
MODELS_MAX = 1_000
_SAMPLE = re.compile(rb"^(outrider_[a-z_]+)(?:\{([^}]*)\})? ([0-9.eE+-]+)", re.MULTILINE)


def upstream(address: str, server: Server | None) -> list[Check]:
    """The inference server itself."""
    refused = connects(address)
    if refused is not None:
        return [check("upstream", address, False, f"{refused}: is the server running, and is this its HTTP port?")]
    if server is None:
        return [_unknown(address)]
    found = [check("upstream", address, server.captured, _spoken(server))]
    if server.ready is not None:
        found.append(
            check("upstream is ready", address, server.ready, "ready" if server.ready else "answers that it is not")
        )
    return found


def _unknown(address: str) -> Check:
    """A server of no API that we know: of HTTP, the sidecar can be told where its values are."""
    try:
        status = ask(address, "/v2").status
    except NoAnswer:
        return check(
            "upstream", address, False, "takes connections, and speaks nothing we know; bytes would pass, unread"
        )
    told = f"answers HTTP (status {status}) with no API that we know; what it says in JSON is read by `json_routes` (docs/decoders.md)"
    return Check("upstream", address, "skipped", told)


def _spoken(server: Server) -> str:
    who = " ".join(filter(None, (server.name, server.version)))
    said = server.speaks + (f" ({who})" if who else "")
    models = f", models: {', '.join(server.models)}" if server.models else ""
    return said + models if server.captured else f"{said}{models}: bytes pass, and are not decoded yet"


def sidecar(address: str, upstream_address: str | None) -> list[Check]:
    """The port that clients use: it must answer as the server behind does, to the byte."""
    refused = connects(address)
    if refused is not None:
        return [check("sidecar", address, False, f"{refused}: is the sidecar running?")]
    try:
        through = ask(address, "/v2")
    except NoAnswer as error:
        if speaks_http2(address):
            return [check("sidecar", address, True, "answers, in HTTP/2")]
        return [
            check(
                "sidecar",
                address,
                False,
                f"{error}: the sidecar takes connections, the server behind it does not answer",
            )
        ]
    found = [check("sidecar", address, True, f"answers, status {through.status}")]
    if upstream_address is not None:
        try:
            direct = ask(upstream_address, "/v2")
        except NoAnswer:
            return found
        same = (direct.status, direct.body) == (through.status, through.body)
        told = "the same bytes as without it" if same else "another answer than the server's own: is that its upstream?"
        found.append(check("sidecar passes the server's bytes", address, same, told))
    return found


def packets(ports: Sequence[int], ring_bytes: int, interface: str | None) -> Check:
    """Whether a sidecar could watch these ports here: the doctor tries, with the privileges it was given."""
    where = ",".join(map(str, ports))
    try:
        open_packets(ports, ring_bytes, interface).close()
    except StartFailed as error:
        return check("packets can be seen", where, False, error.cause)
    return check("packets can be seen", where, True, "this network namespace shows them, plain text only")


def sidecar_metrics(address: str) -> list[Check]:
    """What the sidecar says of itself."""
    try:
        health = {kind: ask(address, f"/health/{kind}").status == 200 for kind in ("live", "ready")}
        body = ask(address, "/metrics").body
    except NoAnswer as error:
        return [check("sidecar's metrics", address, False, f"{error}: is it started with --metrics {address}?")]
    samples = _samples(body)
    if not any(name.startswith("outrider_tap_") for name, _ in samples):
        return [check("sidecar's metrics", address, False, "no series of a sidecar: another program listens here")]
    dropped = samples.get(("outrider_tap_dropped_packets_total", ""))
    does, process = ("forwards", "forwarder") if dropped is None else ("watches", "watcher")
    found = [
        check(f"sidecar {does}", address, health["live"], "live" if health["live"] else f"the {process} does not run"),
        check(
            "sidecar captures",
            address,
            health["ready"],
            "ready" if health["ready"] else "the capture worker does not run",
        ),
    ]
    lost = {labels: n for (name, labels), n in samples.items() if name == "outrider_tap_uncopied_bytes_total" and n}
    told = ", ".join(f"{labels}: {n:.0f} bytes" for labels, n in lost.items())
    found.append(check("nothing was left uncopied", address, not lost, told or "every byte that passed was copied"))
    if dropped is not None:
        told = f"{dropped:.0f} of {_total(samples, 'outrider_tap_packets_total'):.0f}"
        found.append(check("the kernel dropped no packet", address, not dropped, told))
    failures = _total(samples, "outrider_sink_failed_attempts_total")
    waiting = _total(samples, "outrider_capture_queue_records")
    delivered = _total(samples, "outrider_sink_records_total")
    silent_s = time.time() - _total(samples, "outrider_sink_last_success_timestamp_seconds")
    stuck = waiting > 0 and failures > 0 and silent_s > DELIVERY_SECONDS
    told = f"{delivered:.0f} delivered, {waiting:.0f} wait, {failures:.0f} attempts failed"
    found.append(check("records reach the monitor", address, not stuck, told))
    return found


def _samples(body: bytes) -> dict[tuple[str, str], float]:
    return {(m[1].decode(), (m[2] or b"").decode("utf-8", "replace")): float(m[3]) for m in _SAMPLE.finditer(body)}


def _total(samples: Mapping[tuple[str, str], float], name: str) -> float:
    return sum(value for (found, _), value in samples.items() if found == name)


def monitor(url: str) -> list[Check]:
    """The monitor, its scheduler, and the receivers of its models."""
    try:
        ready = ask_url(url, "/health/ready")
        models = ask_url(url, f"/api/v1/models?limit={MODELS_MAX}").json()
    except NoAnswer as error:
        return [check("monitor", url, False, f"{error}: is it running there?")]
    document = ready.json()
    if not isinstance(document, dict) or "passes" not in document or not isinstance(models, dict):
        return [
            check(
                "monitor",
                url,
                False,
                f"status {ready.status}, and not a monitor's answer: another program listens here",
            )
        ]
    found = [check("monitor", url, ready.status == 200, str(document.get("status")))]
    errors = [str(e)[:200] for e in document.get("errors") or []]
    found.append(check("monitor's jobs", url, not errors, "; ".join(errors) or "no job failed"))
    for item in models.get("items") or []:
        found += _model(url, item)
    return found


def _model(url: str, item: Mapping[str, Any]) -> list[Check]:
    name = str(item.get("model"))
    where = f"{url}{path_of(name)}"
    told = "declared" if item.get("declared") else "traffic names it; declare it with `outrider model apply`"
    baseline = item.get("baseline")
    found = [
        Check(f"model {name}", where, "ok" if item.get("declared") else "skipped", told),
        Check(
            f"model {name} has a baseline",
            where,
            "ok" if baseline else "skipped",
            f"{baseline['rows']} rows" if baseline else "none yet: set one with `outrider baseline`",
        ),
    ]
    try:
        entry = ask_url(url, path_of(name)).json()
    except NoAnswer:
        return found
    receivers = (entry.get("declaration") or {}).get("receivers") or [] if isinstance(entry, dict) else []
    return found + [_receiver(name, r) for r in receivers]


def _receiver(model: str, receiver: Mapping[str, Any]) -> Check:
    """Whether a receiver's port takes connections; no message is sent."""
    kind = next((k for k in ("webhook", "alertmanager", "apprise") if k in receiver), "receiver")
    target = str(receiver.get(kind, ""))
    if kind == "apprise":
        return Check(f"receiver of {model}", "apprise", "skipped", "its address is its service's own")
    return reachable(f"receiver of {model}", target)


def reachable(what: str, url: str) -> Check:
    """Whether somebody listens where a URL points."""
    address = address_of(url)
    refused = connects(address)
    return check(what, address, refused is None, refused or "takes connections")


def directory(what: str, path: Path, floor_bytes: int = 0) -> Check:
    """Whether files can be made in a directory, or where it is to be made, and whether there is room."""
    place = path
    while not place.exists() and place != place.parent:
        place = place.parent
    if not (place.is_dir() and os.access(place, os.W_OK | os.X_OK)):
        return check(what, str(path), False, f"{place} cannot be written to")
    free = shutil.disk_usage(place).free
    told = f"{free // 2**20:,} MiB free" + (f", a floor of {floor_bytes // 2**20:,} MiB" if floor_bytes else "")
    return check(what, str(path), free > floor_bytes, told)


def elasticsearch(url: str, key_name: str | None, key: str | None) -> Check:
    """Whether an Elasticsearch answers, and takes the key that the variable of this name holds."""
    if key_name and not key:
        return check("elasticsearch_url", url, False, f"the variable {key_name} with the API key is not set here")
    try:
        answer: Answer = ask_url(url, "/", more={"authorization": f"ApiKey {key}"} if key else None)
    except NoAnswer as error:
        return check("elasticsearch_url", url, False, str(error))
    version = ((answer.json() or {}).get("version") or {}) if isinstance(answer.json(), dict) else {}
    told = f"version {version['number']}" if "number" in version else f"status {answer.status}"
    if answer.status == UNAUTHORIZED:
        told += (
            f": it does not take the API key in {key_name}"
            if key
            else ": it wants an API key, `elasticsearch_api_key_env`"
        )
    # A key that may write and nothing else is not told the version.
    return check("elasticsearch_url", url, answer.status in (200, FORBIDDEN), told)


def arrived(url: str, model: str, prediction_id: str, sent_ns: int) -> Check:
    """Whether the monitor has the probe's row: the whole way of a prediction, once."""
    span = {"from": rfc3339(sent_ns - CLOCK_SKEW_NS), "to": rfc3339(sent_ns + CLOCK_SKEW_NS), "limit": "1000"}
    path = f"{path_of(model, '/rows')}?{urlencode(span)}"
    deadline = time.monotonic() + ARRIVAL_SECONDS
    what = "probe arrives at the monitor"
    while time.monotonic() < deadline:
        try:
            if _has(ask_url(url, path), prediction_id):
                return check(what, url, True, f"prediction {prediction_id}")
        except NoAnswer as error:
            return check(what, url, False, str(error))
        time.sleep(POLL_SECONDS)
    told = f"no row of {prediction_id} after {ARRIVAL_SECONDS:.0f} s: is the sidecar started with --monitor {url}?"
    return check(what, url, False, told)


def _has(answer: Answer, prediction_id: str) -> bool:
    document = answer.json()
    items: Iterable[Any] = document.get("items") or [] if isinstance(document, dict) else []
    ids = [str(i.get("prediction_id")) for i in items if isinstance(i, dict)]
    return any(i == prediction_id or i.startswith(f"{prediction_id}/") for i in ids)


def all_held(checks: Sequence[Check]) -> bool:
    return not any(c.state == "failed" for c in checks)
