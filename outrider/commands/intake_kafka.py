"""`outrider intake kafka`: what other products, or our own sidecars, wrote to Kafka topics."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from collectors.errors import InvalidSettings, SettingsFault
from collectors.intake.kafka import KafkaIntake
from collectors.intake.kafka_messages import Origin, seldon_origin, seldon_pattern
from collectors.intake.kafka_takers import POISON, BatchTaker, ExchangeTaker, PoisonFolder
from collectors.shipping import MonitorCourier, Parcel, ShippingSettings
from collectors.telemetry import log_to_stderr
from outrider.commands.intake_outlet import CLOSE_SECONDS, is_delivered, outlet_of, stopped_by_signals

SHIP_SECONDS = 60.0
"""With --once: how long the end waits for the monitor."""
_LOG = logging.getLogger(__name__)


def kafka(
    bootstrap: Annotated[str, typer.Option(metavar="HOST:PORT,…", help="Brokers to begin with.")],
    monitor: Annotated[str, typer.Option(metavar="URL", help="The monitor that records are shipped to.")],
    records: Annotated[
        str | None, typer.Option(metavar="TOPIC", help="A topic that sidecars write to (their sink `kafka`).")
    ] = None,
    seldon: Annotated[
        str | None, typer.Option(metavar="PREFIX", help="Topics of Seldon Core 2, by their prefix (`seldon`).")
    ] = None,
    namespace: Annotated[str | None, typer.Option(help="Of Seldon's topics; by default all.")] = None,
    requests: Annotated[
        str | None, typer.Option(metavar="TOPIC", help="Requests of the Open Inference Protocol.")
    ] = None,
    responses: Annotated[str | None, typer.Option(metavar="TOPIC", help="Their answers.")] = None,
    model: Annotated[str | None, typer.Option(help="The model of --requests and --responses.")] = None,
    version: Annotated[str, typer.Option(help="Its version, where the answers do not tell it.")] = "",
    group: Annotated[str, typer.Option(help="Consumer group: its members share the partitions.")] = "outrider",
    option: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A setting of librdkafka; may be repeated.")
    ] = None,
    spool: Annotated[Path | None, typer.Option(metavar="DIR", help="Where records wait for the monitor.")] = None,
    once: Annotated[bool, typer.Option("--once", help="End when what is there now has been shipped.")] = False,
) -> int:
    """Consume Kafka topics; an offset is committed once what is before it is safe."""
    log_to_stderr()
    options = _options(option or [])
    topics, origin_of = _source(records, seldon, namespace, requests, responses, model, version)
    stopping = stopped_by_signals()
    if records is not None:
        return _pass_on(bootstrap, topics, group, options, monitor, spool, stopping, once=once)
    outlet = outlet_of(monitor, spool, "kafka")
    poison = PoisonFolder(outlet.spool.directory.with_name(f"{outlet.spool.directory.name}-{POISON}"))
    taker = ExchangeTaker(outlet.pipeline, outlet.spool, origin_of, poison)
    try:
        KafkaIntake(bootstrap, topics, group, options, taker).run(stopping.is_set, until_end=once)
        delivered = not once or is_delivered(outlet, stopping, SHIP_SECONDS)
    finally:
        outlet.close(CLOSE_SECONDS)
    print(f"{taker.taken} exchanges taken, {poison.count} messages refused", file=sys.stderr)
    return 0 if delivered else 1


def _pass_on(
    bootstrap: str,
    topics: Sequence[str],
    group: str,
    options: dict[str, str],
    monitor: str,
    spool: Path | None,
    stopping: threading.Event,
    *,
    once: bool,
) -> int:
    """Batches need no spool: the topic is one, and the monitor knows them by their ids."""
    try:
        courier = MonitorCourier(monitor, ShippingSettings())
    except ValueError as error:
        raise InvalidSettings([SettingsFault("--monitor", str(error), "a URL")]) from error
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    poison = PoisonFolder((spool or Path(state) / "outrider" / "kafka") / POISON)

    def deliver(batches: Sequence[tuple[str, bytes]]) -> list[str]:
        outcomes = courier.deliver([Parcel(0, batch, payload) for batch, payload in batches])
        for outcome in outcomes:
            if outcome.verdict == "again":
                _LOG.info("shipping_failed", extra={"why": outcome.reason, "detail": outcome.detail})
        words = {"taken": "", "known": "", "again": "again"}
        return [words.get(each.verdict, f"{each.reason}: {each.detail}"[:500]) for each in outcomes]

    taker = BatchTaker(deliver, poison)
    try:
        KafkaIntake(bootstrap, topics, group, options, taker).run(stopping.is_set, until_end=once)
    finally:
        courier.close()
    print(f"{taker.taken} batches passed on, {poison.count} messages refused", file=sys.stderr)
    return 0


def _options(given: Sequence[str]) -> dict[str, str]:
    wrong = [each for each in given if "=" not in each]
    if wrong:
        raise InvalidSettings([SettingsFault("--option", repr(wrong[0]), "NAME=VALUE")])
    return dict(each.split("=", 1) for each in given)


def _source(
    records: str | None,
    seldon: str | None,
    namespace: str | None,
    requests: str | None,
    responses: str | None,
    model: str | None,
    version: str,
) -> tuple[list[str], Callable[[str], Origin | None]]:
    """The topics that are asked for, and what each holds."""
    if sum(each is not None for each in (records, seldon, requests)) != 1:
        raise InvalidSettings([SettingsFault("options", "none or several", "one of --records, --seldon, --requests")])
    if records is not None:
        return [records], lambda topic: None
    if seldon is not None:
        return [seldon_pattern(seldon, namespace)], lambda topic: seldon_origin(topic, seldon)
    if requests is None or responses is None or model is None:
        raise InvalidSettings([SettingsFault("options", "--requests", "--responses and --model with it")])
    named = {requests: Origin(model, version, "request"), responses: Origin(model, version, "response")}
    return [requests, responses], named.get
