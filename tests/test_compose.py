"""compose.yaml against the published schema of compose files, and against our own commands and settings."""

from __future__ import annotations

import importlib.resources
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from collectors.settings import read_settings
from collectors.settings.passive import ports_of
from monitor.definitions import document_of
from monitor.settings import MonitorSettings

ROOT = Path(__file__).parent.parent


def with_defaults(text: str) -> str:
    """The text as compose reads it where no variable is set."""
    return re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", text)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(with_defaults((ROOT / "compose.yaml").read_text("utf-8")))
    return document


def test_it_holds_to_the_schema_of_compose_files(compose: dict[str, Any]) -> None:
    """The one that the specification publishes, as check-jsonschema carries it."""
    folder = importlib.resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    schema = json.loads((folder / "compose-spec.json").read_text("utf-8"))
    faults = [f"{e.json_path}: {e.message}" for e in jsonschema.Draft7Validator(schema).iter_errors(compose)]
    assert faults == []


def test_a_fault_would_be_seen(compose: dict[str, Any]) -> None:
    """The schema that is carried is no empty one."""
    folder = importlib.resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    schema = json.loads((folder / "compose-spec.json").read_text("utf-8"))
    wrong = compose | {"services": {"monitor": {"image": 7, "portz": []}}}
    assert len(list(jsonschema.Draft7Validator(schema).iter_errors(wrong))) > 0


def test_every_name_it_uses_is_declared(compose: dict[str, Any]) -> None:
    """Volumes, configurations, services that others wait for, files that are mounted, targets that are built."""
    services = compose["services"]
    targets = re.findall(r" AS (\w+)$", (ROOT / "deploy/Dockerfile").read_text("utf-8"), re.MULTILINE)
    for name, service in services.items():
        for mount in service.get("volumes", []):
            source = mount.partition(":")[0]
            known = (ROOT / source).exists() if source.startswith(".") else source in compose["volumes"]
            assert known, (name, mount)
        assert set(service.get("depends_on", {})) <= set(services)
        assert {c["source"] for c in service.get("configs", [])} <= set(compose["configs"])
        if "build" in service:
            assert (ROOT / service["build"]["dockerfile"]).is_file()
            assert service["build"]["target"] in targets


def test_the_sidecar_would_start(compose: dict[str, Any]) -> None:
    """Its flags are the command's, and their values are settings."""
    flags = dict(flag.removeprefix("--").split("=", 1) for flag in compose["services"]["sidecar"]["command"])
    listener = {key: flags.pop(key) for key in ("listen", "upstream")}
    read_settings({"listeners": [listener], **flags})


def test_the_monitor_would_start(compose: dict[str, Any]) -> None:
    """Its configuration has only settings that there are."""
    document = document_of(compose["configs"]["monitor"]["content"].encode(), "compose.yaml")
    assert isinstance(document, dict)
    settings = MonitorSettings.of(document, "compose.yaml")
    assert settings.catalog_url.startswith("postgresql://outrider:outrider@catalog:5432/")


def test_prometheus_scrapes_what_is_served(compose: dict[str, Any]) -> None:
    """Every target is a service with that port."""
    document = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text("utf-8"))
    jobs = [config for job in document["scrape_configs"] for config in job["static_configs"]]
    managers = [config for one in document["alerting"]["alertmanagers"] for config in one["static_configs"]]
    hosts = {target.partition(":")[0] for config in jobs + managers for target in config["targets"]}
    assert hosts <= set(compose["services"])
    mounted = [m.split(":")[1] for m in compose["services"]["prometheus"]["volumes"]]
    assert set(document["rule_files"]) <= set(mounted)


def test_the_container_of_the_docs_would_start() -> None:
    """The image's command is the sidecar's; the arguments of the container are its flags."""
    page = (ROOT / "docs/servers.md").read_text("utf-8")
    ((container,),) = [yaml.safe_load(each) for each in re.findall(r"```yaml\n(- name: .*?)```", page, re.DOTALL)]
    flags = dict(flag.removeprefix("--").split("=", 1) for flag in container["args"])
    listener = {key: flags.pop(key) for key in ("listen", "upstream")}
    read_settings({"listeners": [listener], **flags})


def test_the_passive_sidecar_of_the_docs_would_start(compose: dict[str, Any]) -> None:
    """The service that the page shows holds to the schema, and its flags are settings."""
    page = (ROOT / "docs/sidecar.md").read_text("utf-8")
    shown = re.findall(r"```yaml\n(  sidecar:\n.*?)```", page, re.DOTALL)
    (service,) = [yaml.safe_load(each)["sidecar"] for each in shown]
    folder = importlib.resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    schema = json.loads((folder / "compose-spec.json").read_text("utf-8"))
    both = compose | {"services": compose["services"] | {"sidecar": service, "model": {"image": "model"}}}
    assert [e.message for e in jsonschema.Draft7Validator(schema).iter_errors(both)] == []
    flags = dict(flag.removeprefix("--").split("=", 1) for flag in service["command"])
    ports = ports_of(flags.pop("passive"))
    assert read_settings({"passive": {"ports": ports}, **flags}).passive is not None
    assert service["cap_add"] == ["NET_RAW"]
