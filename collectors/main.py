"""Wires the sidecar: the one place where its parts meet.

`run_sidecar` is the supervisor process; `python -m collectors.main` is a capture worker started by it, with its
descriptors as arguments and its settings on standard input, where other users of the machine cannot read them.
"""

import errno
import itertools
import json
import logging
import os
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

from collectors.errors import InvalidSettings, StartFailed
from collectors.gpu.nvml import NvmlReader
from collectors.gpu.sampler import Sampler
from collectors.pipeline import Pipeline
from collectors.policies import policies_of
from collectors.readings import FORWARDER, read_health, read_segment
from collectors.records.types import CapturedBy, Gap
from collectors.reloading import Follower, PolicyState, Reloader
from collectors.settings import Endpoint, Listener, SidecarSettings, default_spool, sinks_of
from collectors.shipping import Shipper
from collectors.shipping.fan_out import FanOut
from collectors.shipping.sinks import courier_to
from collectors.spool import Spool, SpoolBusy, SpoolFull, SpoolUnusable
from collectors.tap import segment as at
from collectors.tap.passive.starting import WATCHER, open_packets, watcher_order
from collectors.tap.refusals import Refusals
from collectors.tap.scheduling import give_way
from collectors.tap.segment import Segment
from collectors.tap.status import SinkStatus, WorkerStatus, add_counts, decode_status
from collectors.tap.supervisor import Child, Order, Signals, hear, leave_signals_to_the_supervisor
from collectors.tap.tls.certificates import LOAD_CERTIFICATES, Certificates, check_certificates, told_of
from collectors.tap.worker import CaptureWorker
from collectors.telemetry import Readings, SidecarMetrics, TelemetryServer, log_to_stderr

WHAT_TO_DO = {
    errno.EADDRINUSE: "another process has this port (`ss -ltnp` names it); stop it, or choose another",
    errno.EACCES: "choose a port from 1024 on, or give the sidecar the privilege for a lower one",
    errno.EADDRNOTAVAIL: "choose an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all of them",
}
"""What whoever starts a sidecar can do about an address that the machine refuses."""
LISTEN_BACKLOG = 1024
"""Connections that wait to be accepted while a forwarder is started again."""
LOOK_SECONDS = 0.1
"""How often the supervisor looks whether a child is to be started again, unless a signal says so sooner."""
SPOOL_PATIENCE_SECONDS = 5.0
"""A worker whose supervisor was killed holds the spool until it has put away what it has."""
TAP_END_SECONDS = 0.5
"""Beyond the time that exchanges in flight have: for the forwarder to end."""
END_SECONDS = 3.5
"""Beyond the time that exchanges in flight have: for the worker, with what the forwarder leaves of that. With the five
seconds of the default the sidecar ends below the ten that it has promised."""
SHIPPER_STOP_SECONDS = 1.0
"""Of the worker's end: a batch under way may be answered for; what is not stays in the spool."""
STDIN = 0
_LOG = logging.getLogger(__name__)


def run_sidecar(
    settings: SidecarSettings, *, read: Callable[[], SidecarSettings] | None = None, file: Path | None = None
) -> None:
    """Run until told to stop by SIGTERM or SIGINT. Raises StartFailed where the settings cannot be had.

    `read` reads the settings anew when SIGHUP says so, or when `file` changes.
    """
    policies_of(settings)
    check_certificates(settings)
    with open_spool(settings) as spool:  # whether the worker can, said before anything is started
        tell_of_lost(spool, spool.faults.records_lost + spool.faults.torn_records)
    for sink in sinks_of(settings):
        courier_to(sink).close()
    listeners = [_listen(listener, position) for position, listener in enumerate(settings.listeners)]
    segment = Segment.create(settings.ring_bytes)
    wake = os.eventfd(0, os.EFD_NONBLOCK)
    if settings.passive:
        ports, ring_bytes = settings.passive.ports, settings.passive.ring_bytes
        packets = open_packets(ports, ring_bytes, settings.passive.interface)
        order = watcher_order(packets, ports, ring_bytes, segment, wake, settings.connection_copy_bytes)
    else:
        order = _forwarder_order(settings, listeners, segment, wake)
    tap = Child(order, starts=_counts(segment, at.TAP_RESTARTS))
    worker = Child(_worker_order(settings, segment, wake), starts=_counts(segment, at.WORKER_RESTARTS, at.WORKER_UP))
    signals = Signals()

    def tell(changed: SidecarSettings) -> None:
        worker.tell(_word(changed))

    reloader = Reloader(
        settings, read=read or (lambda: settings), files=[file] if file else [], tell=tell, now_ns=time.time_ns()
    )
    certificates = Certificates(settings, lambda: tap.tell(LOAD_CERTIFICATES))
    server = _telemetry(settings, segment, lambda: reloader.state)
    refusals = Refusals([str(listener.upstream) for listener in settings.listeners])
    worker.start()
    tap.start()
    _LOG.info("sidecar_started", extra=_attached(settings))
    try:
        while not signals.stop:
            signals.wait(LOOK_SECONDS)
            tap.look_after()
            worker.look_after()
            if signals.reload:
                signals.reload = False
                reloader.reload(time.time_ns())
                certificates.reload()
            reloader.look_after(time.monotonic(), time.time_ns())
            certificates.look_after(time.monotonic())
            refusals.look_after(segment.words[at.CONNECTIONS_REFUSED], time.monotonic())
    finally:
        for listener in listeners:
            listener.close()
        by = time.monotonic() + settings.drain_seconds + END_SECONDS
        tap.end(settings.drain_seconds + TAP_END_SECONDS)
        worker.end(by - time.monotonic())
        tell_of_unread(settings, segment)
        if server is not None:
            server.stop()


def _attached(settings: SidecarSettings) -> dict[str, str]:
    """What an operator wants to read first: between whom it stands, and where records go."""
    if settings.passive:
        between = "watches " + ", ".join(map(str, settings.passive.ports))
    else:
        between = ", ".join(f"{listener.listen} to {listener.upstream}" for listener in settings.listeners)
    return {
        "tap": between,
        "sinks": ", ".join(sink.name for sink in sinks_of(settings)) or "none",
        "spool": str(settings.spool or default_spool(settings)),
        "metrics": str(settings.metrics or "none"),
    }


def _listen(listener: Listener, position: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = _resolve(listener.listen, f"listeners[{position}].listen")[0]
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(LISTEN_BACKLOG)
    except OSError as error:
        raise StartFailed(f"listeners[{position}].listen", f"{listener.listen}: {refused_by(error)}") from error
    bound.setblocking(False)
    return bound


def refused_by(error: OSError) -> str:
    """Why an address cannot be listened on, and what to do."""
    cause, advice = error.strerror or str(error), WHAT_TO_DO.get(error.errno or 0)
    return f"{cause}: {advice}" if advice else cause


def _resolve(endpoint: Endpoint, where: str) -> list[tuple[Any, ...]]:
    try:
        return list(socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM))
    except OSError as error:
        cause = error.strerror or str(error)
        raise StartFailed(where, f"{endpoint}: {cause}: is the name right, and known on this machine?") from error


def _forwarder_order(settings: SidecarSettings, listeners: list[socket.socket], segment: Segment, wake: int) -> Order:
    routes = []
    for position, (bound, listener) in enumerate(zip(listeners, settings.listeners, strict=True)):
        found = _resolve(listener.upstream, f"listeners[{position}].upstream")
        addresses = [(int(family), address) for family, _, _, _, address in found]
        routes.append({"listener": bound.fileno(), "addresses": addresses, "tls": told_of(listener)})

    def command(leash: int) -> list[str]:
        asked = {
            "segment": segment.descriptor,
            "wake": wake,
            "stop": leash,
            "connection_copy_bytes": settings.connection_copy_bytes,
            "drain_seconds": settings.drain_seconds,
            "routes": routes,
        }
        return [sys.executable, "-m", "collectors.tap.forwarder", json.dumps(asked)]

    descriptors = [segment.descriptor, wake, *(bound.fileno() for bound in listeners)]
    return Order(FORWARDER, command, descriptors)


def _worker_order(settings: SidecarSettings, segment: Segment, wake: int) -> Order:
    def command(leash: int) -> list[str]:
        return [sys.executable, "-m", "collectors.main", str(segment.descriptor), str(wake), str(leash)]

    return Order("worker", command, [segment.descriptor, wake], word=_word(settings))


def _word(settings: SidecarSettings) -> bytes:
    return msgspec.json.encode(settings, enc_hook=str)


def _read_word(word: bytes) -> SidecarSettings:
    return msgspec.json.decode(word, type=SidecarSettings, dec_hook=lambda kind, text: kind(text))


def _counts(segment: Segment, restarts: int, up: int | None = None) -> Callable[[bool], None]:
    """What the shared memory says about a child that starts (True) or ends (False)."""
    starts = itertools.count()

    def changed(running: bool) -> None:
        if running and next(starts):
            segment.words[restarts] += 1
        if up is not None:
            segment.words[up] = int(running)

    return changed


def _telemetry(
    settings: SidecarSettings, segment: Segment, policy: Callable[[], PolicyState]
) -> TelemetryServer | None:
    if settings.metrics is None:
        return None
    tap = WATCHER if settings.passive else FORWARDER

    def readings() -> Readings:
        return replace(read_segment(segment, settings.spool_quota_bytes, tap), policy=policy())

    def health() -> dict[str, object]:
        return {**read_health(segment, time.time_ns()), "policy": asdict(policy())}

    metrics = SidecarMetrics(installed_version(), readings)
    address = (settings.metrics.host, settings.metrics.port)
    try:
        server = TelemetryServer(address, metrics, health)
    except OSError as error:
        raise StartFailed("metrics", f"{settings.metrics}: {refused_by(error)}") from error
    server.start()
    return server


def run_worker(settings: SidecarSettings, segment: Segment, *, wake: int, stop: int) -> None:
    """Be the capture worker until `stop` is at its end. Raises StartFailed where the spool cannot be had."""
    policies = policies_of(settings)
    spool = open_spool(settings)
    fan_out = FanOut(spool, {sink.name: courier_to(sink) for sink in sinks_of(settings)})
    captured_by: CapturedBy = "passive" if settings.passive else "tap"
    pipeline = Pipeline(
        spool.sidecar,
        policies.redaction,
        policies.sampling,
        policies.ids,
        registry=policies.registry,
        captured_by=captured_by,
        keeps_undecodable=settings.keep_undecodable,
    )
    before = decode_status(segment.read_status())
    sampler = sampler_of(settings)

    follower = Follower(policies, lambda new: pipeline.follow(new.redaction, new.sampling, new.ids, new.registry))

    def observe_sink(status: WorkerStatus) -> None:
        status.policy = follower.digest
        status.telemetry = sampler.sources if sampler is not None else {}
        status.sinks = {
            shipper.queue.name: sink_status(before.sinks.get(shipper.queue.name, SinkStatus()), shipper)
            for shipper in fan_out.shippers
        }

    def take_in_word() -> bool:
        """Capture by other policies from the next exchange on; False when nobody speaks to us any more."""
        word = hear(STDIN)
        if word is not None:
            follower.take_in(_read_word(word))
        return word is not None

    worker = CaptureWorker(
        segment,
        wake,
        pipeline,
        spool,
        observe_sink=observe_sink,
        listen=(STDIN, take_in_word),
        telemetry=sampler,
    )
    fan_out.start()
    if sampler is not None:
        sampler.start()
    try:
        worker.run(stop)
    finally:
        if sampler is not None:
            sampler.stop()
        fan_out.stop(SHIPPER_STOP_SECONDS)
        spool.close()


def sampler_of(settings: SidecarSettings) -> Sampler | None:
    """What samples devices and servers, where the settings ask for it."""
    asked = settings.gpu
    if asked is None:
        return None
    reader = NvmlReader(asked.devices) if asked.nvml else None
    return Sampler(reader, asked.scrape, every_seconds=asked.every_seconds, devices=asked.devices)


def open_spool(settings: SidecarSettings) -> Spool:
    """The spool of these settings. Raises StartFailed."""
    patience = time.monotonic() + SPOOL_PATIENCE_SECONDS
    while True:
        try:
            return Spool.open(
                settings.spool or default_spool(settings),
                quota_bytes=settings.spool_quota_bytes,
                free_space_floor_bytes=settings.spool_free_space_floor_bytes,
            )
        except SpoolBusy as error:
            if time.monotonic() > patience:
                raise StartFailed("spool", f"{error}: each sidecar needs one of its own (`--spool DIR`)") from error
            time.sleep(LOOK_SECONDS)
        except SpoolUnusable as error:
            raise StartFailed(
                "spool", f"{error}: `--spool DIR` names another place, which this user can write"
            ) from error


def tell_of_lost(spool: Spool, lost: int) -> None:
    """What a crash of the machine left damaged or unfinished was cut out, so many records: a gap record says so."""
    if not lost:
        return
    now_ns = time.time_ns()
    start_ns = min(spool.pending_oldest_ns or now_ns, now_ns)
    try:
        spool.append([Gap(start_ns=start_ns, end_ns=now_ns, reason="spool_damaged", exchanges_estimated=lost)])
    except SpoolFull as error:
        _LOG.error("gap_not_told", extra={"error": str(error), "records": lost})


def tell_of_unread(settings: SidecarSettings, segment: Segment) -> None:
    """A worker that did not end by itself has left something in the ring: a gap record says so."""
    words = segment.words
    unread = words[at.HEAD] - words[at.TAIL]
    if not unread and not words[at.IN_FLIGHT_EXCHANGES]:
        return
    status = decode_status(segment.read_status())
    seen = status.captured + status.sampled_out + status.not_inference
    exchange_bytes = words[at.BYTES_COPIED] / max(1, seen)
    gap = Gap(
        start_ns=words[at.IN_FLIGHT_SINCE_NS],
        end_ns=time.time_ns(),
        reason="worker_killed",
        connections=words[at.IN_FLIGHT_CONNECTIONS],
        bytes=unread + words[at.IN_FLIGHT_BYTES],
        exchanges_estimated=words[at.IN_FLIGHT_EXCHANGES] + round(unread / max(1.0, exchange_bytes)),
    )
    try:
        with open_spool(settings) as spool:
            spool.append([gap])
    except (StartFailed, SpoolFull) as error:
        _LOG.error("gap_not_told", extra={"error": str(error), "gap": str(gap)})


def sink_status(before: SinkStatus, shipper: Shipper) -> SinkStatus:
    """What this worker's shipper did, added to what its predecessors' did."""
    counts, queue = shipper.counts, shipper.queue.counts
    failed, attempts = dict(before.failed), dict(before.failed_attempts)
    add_counts(failed, {"refused": counts.refused_records, "space": queue.given_up_records})
    add_counts(attempts, counts.failed)
    return SinkStatus(
        records=before.records + counts.sent_records + counts.known_records,
        failed=failed,
        failed_attempts=attempts,
        retries=before.retries + counts.retries,
        last_success_ns=counts.last_success_ns or before.last_success_ns,
        circuit=counts.circuit,
        queue_records=queue.pending_records,
        queue_bytes=queue.pending_bytes,
    )


def installed_version() -> str:
    try:
        return version("outrider")
    except PackageNotFoundError:
        return "unknown"


def main(arguments: list[str]) -> int:
    """A capture worker: descriptors of the segment, of the wake-up and of the leash as arguments."""
    leave_signals_to_the_supervisor()
    segment, wake, stop = map(int, arguments)
    word = hear(STDIN)
    if word is None:  # the supervisor is already gone
        return 1
    settings = _read_word(word)
    give_way()
    log_to_stderr()
    try:
        run_worker(settings, Segment(segment), wake=wake, stop=stop)
    except (StartFailed, InvalidSettings) as error:
        _LOG.error("worker_not_started", extra={"error": str(error)})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
