"""The sidecar's settings: read once, from flags or a YAML file, checked all at once, frozen.

Each setting documents itself in its declaration; `docs/sidecar.md` has all of them, and a test holds that.
"""

import os
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import yaml

from collectors.errors import InvalidSettings, SettingsFault
from collectors.settings.gpu import GpuSetting, read_gpu
from collectors.settings.passive import Passive, read_passive
from collectors.settings.raw_inputs import RawInputSetting, read_raw_inputs
from collectors.settings.reading import (
    MIB,
    UNKNOWN_KEY,
    Endpoint,
    Unexpected,
    about,
    directory,
    endpoint,
    flag,
    meant,
    names,
    number,
    one_of,
    pages,
    text,
    url,
    whole,
)
from collectors.settings.sections import (
    JsonRouteSetting,
    Listener,
    RedactionRule,
    read_listeners,
    read_routes,
    read_rules,
)
from collectors.settings.sinks import SINKS_MAX, SinkSetting, read_sinks


def default_spool(settings: "SidecarSettings") -> Path:
    """One directory a sidecar: those of one machine differ in the port they listen on, or watch."""
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    watched = f"passive-{settings.passive.ports[0]}" if settings.passive else settings.listeners[0].listen.port
    return Path(state) / "outrider" / f"spool-{watched}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SidecarSettings:
    """Everything that can be set about a sidecar."""

    listeners: tuple[Listener, ...] = field(
        metadata=about(
            "Pairs of `listen: HOST:PORT` (where clients connect) and `upstream: HOST:PORT` (the inference server behind); "
            "with `tls: {certificate, key}` TLS ends there, and with `upstream: {enabled: true}` in it begins again behind.",
            read_listeners,
        ),
        default=(),
    )
    passive: Passive | None = field(
        metadata=about(
            "Instead of `listeners`: `{ports: [8000]}`, ports of the server whose packets are watched where they pass. "
            "`ring_bytes` in it is the kernel's memory for packets not read yet (64 MiB), `interface` the only one to watch: "
            "with `lo`, where clients are on the same host, the kernel does half as much beside each packet.",
            read_passive,
        ),
        default=None,
    )
    monitor: str | None = field(
        metadata=about("URL of the monitor that records are shipped to. Without it they stay in the spool.", url),
        default=None,
    )
    sinks: tuple[SinkSetting, ...] = field(
        metadata=about(
            "Where records are shipped, each sink independently of the others: a list of `monitor: URL`, `kafka: "
            "{bootstrap, topic, options}` and `files: DIRECTORY` (or `files: {to: s3://BUCKET/PREFIX, options}`), with a "
            "`name` each where there are several of a kind. What `monitor` says comes in addition, under that name.",
            read_sinks,
        ),
        default=(),
    )
    spool: Path | None = field(
        metadata=about(
            "Directory of the spool, where records wait for the monitor. By default one per listening port under "
            "`$XDG_STATE_HOME/outrider` (or `~/.local/state/outrider`).",
            directory,
        ),
        default=None,
    )
    metrics: Endpoint | None = field(
        metadata=about(
            "Where `/metrics`, `/health/live` and `/health/ready` are served. Without it they are not.", endpoint
        ),
        default=None,
    )
    ring_bytes: int = field(
        metadata=about(
            "Size of the memory between forwarder and capture worker. When it is full, bytes are forwarded and not copied.",
            pages(4 * MIB, 4096 * MIB),
        ),
        default=64 * MIB,
    )
    connection_copy_bytes: int = field(
        metadata=about(
            "How much one connection may have waiting in that memory; beyond it (at most twice this) its bytes are "
            "forwarded and not copied, so that one large transfer does not crowd out the rest.",
            whole(MIB, 4096 * MIB),
        ),
        default=16 * MIB,
    )
    spool_quota_bytes: int = field(
        metadata=about(
            "Most bytes of the spool on disk; records beyond it are dropped and counted.", whole(MIB, 1 << 50)
        ),
        default=1024 * MIB,
    )
    spool_free_space_floor_bytes: int = field(
        metadata=about("The spool leaves at least this much of its disk free for others.", whole(0, 1 << 50)),
        default=256 * MIB,
    )
    drain_seconds: float = field(
        metadata=about(
            "How long exchanges in flight have to end after SIGTERM; the sidecar itself ends at most five seconds later.",
            number(0, 3600),
        ),
        default=5.0,
    )
    ids: tuple[str, ...] = field(
        metadata=about(
            "Where a prediction's id is looked for, first match wins: any of `body` (the protocol's own id), "
            "`x-request-id`, `traceparent`, `ce-id`. Without a match one is generated.",
            names("body", "x-request-id", "traceparent", "ce-id"),
        ),
        default=("body", "x-request-id", "traceparent", "ce-id"),
    )
    default_model: str = field(
        metadata=about(
            "What a model is called whose protocol does not tell its name: `/invocations`, Seldon v1 without an ingress.",
            text,
        ),
        default="default",
    )
    payload_text: bool = field(
        metadata=about(
            "Whether prompts and answers of language models are taken in, or only their lengths, tokens and timings. "
            "Texts that are taken in pass redaction as all others do.",
            flag,
        ),
        default=False,
    )
    json_routes: tuple[JsonRouteSetting, ...] = field(
        metadata=about(
            "HTTP APIs that speak JSON of their own: a list of {path, model, inputs, outputs}, with `path` a pattern of "
            "request paths and `inputs` and `outputs` names with the place of their values (`order.items[*].price`); "
            "optional are `method`, and the places `model_at`, `version` and `id`.",
            read_routes,
        ),
        default=(),
    )
    raw_inputs: tuple[RawInputSetting, ...] = field(
        metadata=about(
            "What the bytes of raw binary requests are (`Inference-Header-Content-Length: 0`), which do not say it: a list of "
            "{model, name, datatype, shape}, as the model's configuration has it, the batch included; one axis may be -1.",
            read_raw_inputs,
        ),
        default=(),
    )
    gpu: GpuSetting | None = field(
        metadata=about(
            "What is sampled of GPUs and servers beside the traffic: `{nvml: true, scrape: [URL, …], every_seconds: 15, "
            "devices: [UUID, …]}`, or `true` for the driver alone. `scrape` are metrics pages of Triton, vLLM or DCGM's "
            "exporter; `devices` are those that the server has, where there are others.",
            read_gpu,
        ),
        default=None,
    )
    keep_undecodable: bool = field(
        metadata=about(
            "Whether exchanges that no decoder can read are kept as they came, unredacted, in `undecodable/` of the spool "
            "(at most 128 MiB), to be read later: `outrider spool undecodable`.",
            flag,
        ),
        default=False,
    )
    sampling_rate: float = field(
        metadata=about("The share of exchanges that is kept, from 0 to 1; written on every record.", number(0, 1)),
        default=1.0,
    )
    sampling_by: Literal["exchange", "id"] = field(
        metadata=about(
            "What decides which: `exchange` (chance) or `id` (the prediction's id, so the same ids are kept everywhere).",
            one_of("exchange", "id"),
        ),
        default="exchange",
    )
    sampling_keep_errors: bool = field(
        metadata=about("Exchanges that the server did not serve are always kept.", flag), default=True
    )
    sampling_slow_seconds: float | None = field(
        metadata=about("Exchanges that take at least this long are always kept.", number(0, 86400)), default=None
    )
    sampling_unsure_below: float | None = field(
        metadata=about(
            "Exchanges in which the most probable class of any row has less than this are always kept; a single "
            "probability p counts as p or 1 - p, whichever is more. What sampling leaves out is decoded too then.",
            number(0.5, 1),
        ),
        default=None,
    )
    sampling_unsure_output: str | None = field(
        metadata=about("The output that holds those probabilities; by default the first that looks like it.", text),
        default=None,
    )
    redaction_rules: tuple[RedactionRule, ...] = field(
        metadata=about(
            "What is changed before anything is stored: a list of {name, action}, {header, action} and {pattern, action}. "
            "`name` is a tensor, a column (`x_3`), a path in JSON (`user.city`) or a pattern of them (`card*`), and "
            "`action` is `drop`, `mask`, `hash`, `round` (with `step`), `bin` (with `edges`), `date` (with `unit`) or "
            "`network` (with `v4`, `v6`).",
            read_rules,
        ),
        default=(),
    )
    redaction_patterns: tuple[str, ...] | None = field(
        metadata=about(
            "Which kinds of personal data are looked for in texts, ids and error messages; by default all that are "
            "known.",
            names(),
        ),
        default=None,
    )
    redaction_names_file: Path | None = field(
        metadata=about("A file with names of persons, one a line, that are taken out of texts.", directory),
        default=None,
    )
    redaction_text_chars_max: int | None = field(
        metadata=about(
            "Texts longer than this are payload rather than categories: only their length is stored. 0 keeps all texts.",
            whole(0, 1 << 30),
        ),
        default=64,
    )
    redaction_key_file: Path | None = field(
        metadata=about("A file with the secret key (at least 16 bytes) of the action `hash`.", directory),
        default=None,
    )


def sinks_of(settings: SidecarSettings) -> tuple[SinkSetting, ...]:
    """Every sink, the one that `monitor` names first."""
    named = (SinkSetting("monitor", "monitor", settings.monitor),) if settings.monitor else ()
    return (*named, *settings.sinks)


def read_settings(given: Mapping[str, object], *, source: str = "") -> SidecarSettings:
    """Settings from plain values, such as those of a YAML file. Raises InvalidSettings with every fault found."""
    known: dict[str, Field[Any]] = {each.name: each for each in fields(SidecarSettings)}
    prefix = f"{source}: " if source else ""
    faults = [
        SettingsFault(f"{prefix}{key}", "an unknown setting", meant(key, list(known)))
        for key in given
        if key not in known
    ]
    values = {}
    for name, declared in known.items():
        if given.get(name) is None:
            continue
        try:
            values[name] = declared.metadata["read"](given[name])
        except Unexpected as unexpected:
            faults += [
                SettingsFault(f"{prefix}{name}{path}", _shown(found), expected)
                for path, found, expected in unexpected.faults
            ]
    if values.get("monitor") and any(sink.name == "monitor" for sink in values.get("sinks", ())):
        faults.append(
            SettingsFault(f"{prefix}sinks", "a second sink named `monitor`", "a `name`, or no `monitor` beside")
        )
    if len(values.get("sinks", ())) + bool(values.get("monitor")) > SINKS_MAX:
        faults.append(
            SettingsFault(f"{prefix}sinks", f"{SINKS_MAX} beside `monitor`", f"at most {SINKS_MAX}, it included")
        )
    if given.get("listeners") is None and given.get("passive") is None:
        faults.append(
            SettingsFault(
                f"{prefix}listeners",
                "nothing",
                "pairs of `listen: HOST:PORT`, where clients connect, and `upstream: HOST:PORT`, the server behind, or `passive` "
                "instead; as options `--listen` and `--upstream`, or `--passive`",
            )
        )
    if values.get("listeners") and values.get("passive"):
        faults.append(SettingsFault(f"{prefix}passive", "listeners beside it", "one of the two in one sidecar"))
    if faults:
        raise InvalidSettings(faults)
    return SidecarSettings(**values)


def _shown(found: object) -> str:
    return "nothing" if found is None else UNKNOWN_KEY if found == UNKNOWN_KEY else repr(found)


def read_file(path: Path) -> Mapping[str, object]:
    """The plain values of a YAML file. Raises InvalidSettings."""
    try:
        values = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise InvalidSettings([SettingsFault(str(path), error.strerror or "unreadable", "a YAML file")]) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        place = getattr(error, "problem_mark", None)
        where = f"{path}:{place.line + 1}:{place.column + 1}" if place else str(path)
        raise InvalidSettings([SettingsFault(where, getattr(error, "problem", None) or str(error), "YAML")]) from error
    if not isinstance(values, Mapping):
        raise InvalidSettings([SettingsFault(str(path), type(values).__name__, "a mapping of settings")])
    return {str(key): value for key, value in values.items()}
