"""What is kept of exchanges, as the settings say: the part of the sidecar that can change while it runs.

`POLICY_SETTINGS` are the settings whose change needs no restart. A policy's digest names it: equal digests, equal policies.
"""

from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import cast

import msgspec

from collectors.decoders.generic_json import JsonRoute
from collectors.decoders.json_paths import Path as JsonPath
from collectors.decoders.raw_input import RawInput
from collectors.decoders.registry import Registry
from collectors.errors import InvalidSettings, SettingsFault
from collectors.records.types import Datatype, IdSource
from collectors.redaction import HeaderRule, PatternRule, RedactionPolicy, Rule, names_from
from collectors.sampling import SamplingPolicy
from collectors.settings import SidecarSettings

POLICY_SETTINGS = (
    "ids",
    "default_model",
    "payload_text",
    "json_routes",
    "raw_inputs",
    "sampling_rate",
    "sampling_by",
    "sampling_keep_errors",
    "sampling_slow_seconds",
    "sampling_unsure_below",
    "sampling_unsure_output",
    "redaction_rules",
    "redaction_patterns",
    "redaction_names_file",
    "redaction_text_chars_max",
    "redaction_key_file",
)

FILE_BYTES_MAX = 8 * 1024 * 1024
"""Of a file with a key or with names."""
_DIGEST_BYTES = 6


@dataclass(frozen=True, slots=True)
class Policies:
    """Everything that the capture worker may be told to do differently between two exchanges."""

    redaction: RedactionPolicy
    sampling: SamplingPolicy
    ids: tuple[IdSource, ...]
    registry: Registry
    digest: str


def policies_of(settings: SidecarSettings) -> Policies:
    """What the settings and the files they name say now. Raises InvalidSettings with every fault found."""
    faults: list[SettingsFault] = []
    parts = []
    for part in (policies, registry_of):
        try:
            parts.append(part(settings))
        except InvalidSettings as invalid:
            faults += invalid.faults
    if faults:
        raise InvalidSettings(faults)
    redaction, sampling = cast("tuple[RedactionPolicy, SamplingPolicy]", parts[0])
    said = {name: getattr(settings, name) for name in POLICY_SETTINGS}
    digest = blake2b(msgspec.json.encode(said, enc_hook=str, order="sorted"), digest_size=_DIGEST_BYTES)
    digest.update(blake2b(redaction.key).digest())
    digest.update("\n".join(sorted(redaction.names)).encode())
    return Policies(
        redaction=redaction,
        sampling=sampling,
        ids=cast("tuple[IdSource, ...]", settings.ids),
        registry=cast("Registry", parts[1]),
        digest=digest.hexdigest(),
    )


def files_named(settings: SidecarSettings) -> tuple[Path, ...]:
    """The files beside the settings that a policy is read from."""
    return tuple(path for path in (settings.redaction_key_file, settings.redaction_names_file) if path)


def policies(settings: SidecarSettings) -> tuple[RedactionPolicy, SamplingPolicy]:
    """What is kept of exchanges and which. Raises InvalidSettings."""
    key = _content("redaction_key_file", settings.redaction_key_file)
    names = _content("redaction_names_file", settings.redaction_names_file)
    known = {} if settings.redaction_patterns is None else {"patterns": settings.redaction_patterns}
    slow = settings.sampling_slow_seconds
    try:
        redaction = RedactionPolicy(
            rules=tuple(
                Rule(rule.name.removeprefix("$."), rule.action, rule.step, rule.edges, rule.unit, rule.v4, rule.v6)  # type: ignore[arg-type]  # checked by settings
                for rule in settings.redaction_rules
                if rule.name
            ),
            headers=tuple(HeaderRule(rule.header, rule.action) for rule in settings.redaction_rules if rule.header),  # type: ignore[arg-type]  # checked by settings
            pattern_rules=tuple(
                PatternRule(rule.pattern, rule.action, rule.v4, rule.v6)  # type: ignore[arg-type]  # checked by settings
                for rule in settings.redaction_rules
                if rule.pattern
            ),
            names=names_from(_text("redaction_names_file", names)),
            text_chars_max=settings.redaction_text_chars_max or None,
            key=key,
            **known,
        )
        sampling = SamplingPolicy(
            rate=settings.sampling_rate,
            by=settings.sampling_by,
            keep_errors=settings.sampling_keep_errors,
            slow_ns=None if slow is None else round(slow * 1e9),
            unsure_below=settings.sampling_unsure_below,
            unsure_output=settings.sampling_unsure_output,
        )
    except ValueError as error:
        where, _, rest = str(error).partition(": ")
        raise InvalidSettings([SettingsFault(where, rest, "see the documentation")]) from error
    return redaction, sampling


def _content(where: str, path: Path | None) -> bytes:
    """Of a file that the settings name; nothing where they name none."""
    if path is None:
        return b""
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise InvalidSettings([SettingsFault(where, error.strerror or "unreadable", "a readable file")]) from error
    if len(content) > FILE_BYTES_MAX:
        raise InvalidSettings([SettingsFault(where, "a larger file", f"at most {FILE_BYTES_MAX} bytes")])
    return content


def _text(where: str, content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        found = f"byte {error.start}: {content[error.start : error.start + 1].hex()}"
        raise InvalidSettings([SettingsFault(where, found, "UTF-8")]) from error


def registry_of(settings: SidecarSettings) -> Registry:
    """The decoders that the settings ask for. Raises InvalidSettings."""
    faults: list[SettingsFault] = []

    def read(text: str | None, where: str) -> JsonPath | None:
        try:
            return None if text is None else JsonPath(text)
        except ValueError as error:
            faults.append(SettingsFault(where, repr(text), str(error)))
            return None

    routes = []
    for position, each in enumerate(settings.json_routes):
        where = f"json_routes[{position}]"
        sides = [
            {name: read(place, f"{where}.{side}.{name}") or JsonPath("") for name, place in getattr(each, side)}
            for side in ("inputs", "outputs")
        ]
        routes.append(
            JsonRoute(
                path=each.path,
                model=each.model,
                inputs=sides[0],
                outputs=sides[1],
                method=each.method,
                model_at=read(each.model_at, f"{where}.model_at"),
                version=read(each.version, f"{where}.version"),
                id=read(each.id, f"{where}.id"),
            )
        )
    if faults:
        raise InvalidSettings(faults)
    raw = {e.model: RawInput(e.name, cast("Datatype", e.datatype), e.shape) for e in settings.raw_inputs}
    return Registry(model=settings.default_model, keeps_text=settings.payload_text, routes=routes, raw_inputs=raw)
