"""Index templates of our data streams, in the form that the server can take. Pure.

Every field is listed: the root ignores what it does not know, `outrider` refuses it. Names of features, slices,
metrics and models are values of keyword fields, never field names, so a mapping cannot grow with the data. A user's
own settings go into the component template `outrider@custom`, which is created empty and never overwritten.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from monitor.exporters.documents import Streams

PRIORITY = 500
"""Above the templates for `logs-*-*` and `metrics-*-*` that Elastic ships (100), and above most of its packages (200)."""
IGNORE_ABOVE = 1_024
TEMPLATE_VERSION = 2
MAPPINGS, SETTINGS, CUSTOM = "outrider@mappings", "outrider@settings", "outrider@custom"
RETENTION_DAYS = {"window": 400, "alert": 730}
ROLLOVER = {"max_age": "30d", "max_primary_shard_size": "50gb"}


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the server has; each absent thing has a plainer stand-in."""

    lifecycle_management: bool
    """ILM policies; else the lifecycle of the data stream itself, where the server has that."""
    data_stream_lifecycle: bool
    constant_keyword: bool
    match_only_text: bool


FULL = Capabilities(True, True, True, True)
PLAIN = Capabilities(False, True, False, False)
"""A server built from the free core alone, and servers like it."""


@dataclass(frozen=True, slots=True)
class Templates:
    """Everything to put on the server, by name. `custom` only where it does not exist yet."""

    policies: dict[str, dict[str, Any]]
    components: dict[str, dict[str, Any]]
    custom: dict[str, Any]
    index_templates: dict[str, dict[str, Any]]


def templates(capabilities: Capabilities, namespace: str = "*") -> Templates:
    """Templates for every stream of `namespace` (`*`: of all)."""
    streams = Streams(namespace)
    return Templates(
        policies={_policy(name): _policy_body(name) for name in RETENTION_DAYS if capabilities.lifecycle_management},
        components={
            MAPPINGS: {"template": {"mappings": _mappings(capabilities)}, "version": TEMPLATE_VERSION},
            SETTINGS: {"template": {"settings": {"index": {"codec": "best_compression"}}}, "version": TEMPLATE_VERSION},
        },
        custom={
            "template": {},
            "_meta": {"description": "Your own settings and mappings for Outrider's data streams."},
        },
        index_templates={
            f"outrider-{name}": _index_template(name, stream, capabilities)
            for name, stream in (("window", streams.window), ("alert", streams.alert))
        },
    )


def probe(*, mapping_type: str | None = None, setting: str | None = None, lifecycle: bool = False) -> dict[str, Any]:
    """A template that a server can simulate exactly when it has the thing in question."""
    template: dict[str, Any] = {}
    if mapping_type:
        template["mappings"] = {"properties": {"probe": {"type": mapping_type}}}
    if setting:
        template["settings"] = {setting: "probe"}
    if lifecycle:
        template["lifecycle"] = {"data_retention": "1d"}
    return {
        "index_patterns": ["outrider-capability-probe-*"],
        "priority": PRIORITY,
        "data_stream": {},
        "template": template,
    }


def _index_template(name: str, stream: str, capabilities: Capabilities) -> dict[str, Any]:
    kind_of_stream, dataset, _ = stream.split("-", 2)
    template: dict[str, Any] = {"mappings": {"properties": _data_stream_fields(kind_of_stream, dataset, capabilities)}}
    if capabilities.lifecycle_management:
        template["settings"] = {"index.lifecycle.name": _policy(name)}
    elif capabilities.data_stream_lifecycle:
        template["lifecycle"] = {"data_retention": f"{RETENTION_DAYS[name]}d"}
    return {
        "index_patterns": [stream],
        "priority": PRIORITY,
        "version": TEMPLATE_VERSION,
        "data_stream": {},
        "composed_of": [MAPPINGS, SETTINGS, CUSTOM],
        "template": template,
        "_meta": {"managed_by": "outrider"},
    }


def _policy(name: str) -> str:
    return f"outrider-{name}"


def _policy_body(name: str) -> dict[str, Any]:
    return {
        "policy": {
            "phases": {
                "hot": {"actions": {"rollover": ROLLOVER}},
                "delete": {"min_age": f"{RETENTION_DAYS[name]}d", "actions": {"delete": {}}},
            }
        }
    }


def _data_stream_fields(kind_of_stream: str, dataset: str, capabilities: Capabilities) -> dict[str, Any]:
    def fixed(value: str) -> dict[str, Any]:
        return {"type": "constant_keyword", "value": value} if capabilities.constant_keyword else {"type": "keyword"}

    namespace = {"type": "constant_keyword"} if capabilities.constant_keyword else {"type": "keyword"}
    return {
        "data_stream": {
            "properties": {"type": fixed(kind_of_stream), "dataset": fixed(dataset), "namespace": namespace}
        }
    }


def _mappings(capabilities: Capabilities) -> dict[str, Any]:
    keyword = {"type": "keyword", "ignore_above": IGNORE_ABOVE}
    text = {"type": "match_only_text" if capabilities.match_only_text else "text"}
    number, count, date, flag = {"type": "double"}, {"type": "long"}, {"type": "date"}, {"type": "boolean"}

    def group(**fields: Any) -> dict[str, Any]:
        return {"properties": fields}

    counted = ("baseline", "window", "missing", "labelled", "seen", "captured", "sampled_out", "dropped", "undecodable")
    return {
        "_meta": {"managed_by": "outrider", "version": TEMPLATE_VERSION},
        "dynamic": False,
        "date_detection": False,
        "properties": {
            "@timestamp": date,
            "message": text,
            "ecs": group(version=keyword),
            "event": group(kind=keyword, dataset=keyword, ingested=date),
            "rule": group(name=keyword, ruleset=keyword),
            "outrider": {
                "dynamic": "strict",
                "properties": {
                    "document": keyword,
                    "record": keyword,
                    "model": group(name=keyword, version=keyword),
                    "window": group(name=keyword, start=date, end=date),
                    "revision": {"type": "integer"},
                    "baseline": keyword,
                    "code": keyword,
                    "kind": keyword,
                    "metric": keyword,
                    "feature": keyword,
                    "slice": keyword,
                    "value": number,
                    "low": number,
                    "high": number,
                    "peak": number,
                    "score": number,
                    "windows": count,
                    "threshold": group(low=number, high=number, origin=keyword),
                    "status": keyword,
                    "reason": keyword,
                    "counts": group(**dict.fromkeys(counted, count)),
                    "fingerprint": keyword,
                    "state": keyword,
                    "severity": keyword,
                    "since": date,
                    "escalated": flag,
                    "revised": flag,
                    "features": group(name=keyword, metric=keyword, slice=keyword, score=number, effect=number),
                    "cause": group(
                        verdict=keyword, feature=keyword, slice=keyword, since=date, since_low=date, since_high=date
                    ),
                },
            },
        },
    }
