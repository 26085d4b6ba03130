"""The examples for Kubernetes: what they ask of the sidecar it has, and its containers have no more rights than they use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.definitions import document_of
from monitor.settings import MonitorSettings
from outrider.commands.sidecar import app

ROOT = Path(__file__).parent.parent
MONITOR = ROOT / "deploy/kubernetes/monitor.yaml"
MANIFESTS = sorted(path for path in ROOT.glob("deploy/kubernetes/*.yaml") if path != MONITOR)


def pod_of(path: Path) -> dict[str, Any]:
    """What holds containers and volumes, in a Deployment or an InferenceService."""
    first = next(iter(yaml.safe_load_all(path.read_text("utf-8"))))
    spec: dict[str, Any] = first["spec"]
    return dict(spec["template"]["spec"] if first["kind"] == "Deployment" else spec["predictor"])


def sidecar_of(path: Path) -> dict[str, Any]:
    return next(dict(each) for each in pod_of(path)["containers"] if each["name"] == "outrider")


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_every_argument_is_one_of_the_command(path: Path) -> None:
    """By its name, with a value."""
    known = {
        f"--{each.replace('_', '-')}" for command in app.registered_commands for each in names_of(command.callback)
    }
    given = [argument.partition("=") for argument in sidecar_of(path)["args"]]
    assert {name for name, _, _ in given} <= known
    assert all(value for _, _, value in given)


def names_of(callback: Any) -> list[str]:
    return list(callback.__annotations__)


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_a_sidecar_is_bounded_and_has_few_rights(path: Path) -> None:
    """Memory, capabilities, a root that it cannot write, and a volume for its spool."""
    sidecar = sidecar_of(path)
    rights = sidecar["securityContext"]
    assert rights["readOnlyRootFilesystem"] is True
    assert rights["allowPrivilegeEscalation"] is False
    assert rights["capabilities"]["drop"] == ["ALL"]
    assert sidecar["resources"]["limits"]["memory"] == "512Mi"
    mounted = {mount["name"]: mount["mountPath"] for mount in sidecar["volumeMounts"]}
    assert set(mounted) <= {volume["name"] for volume in pod_of(path)["volumes"]}
    (spool,) = (each.partition("=")[2] for each in sidecar["args"] if each.startswith("--spool="))
    assert any(spool.startswith(place) for place in mounted.values())


def test_the_service_leads_to_the_sidecar() -> None:
    """Past it nothing would be seen; the probe asks where its metrics are."""
    path = ROOT / "deploy/kubernetes/triton.yaml"
    service = list(yaml.safe_load_all(path.read_text("utf-8")))[1]
    arguments = dict(argument.split("=", 1) for argument in sidecar_of(path)["args"])
    listening = {int(arguments[name].rpartition(":")[2]) for name in ("--listen", "--grpc-listen")}
    assert {port["targetPort"] for port in service["spec"]["ports"]} == listening
    assert sidecar_of(path)["readinessProbe"]["httpGet"]["port"] == int(arguments["--metrics"].rpartition(":")[2])


def test_the_monitor_has_the_same_bound_everywhere() -> None:
    """One measured number behind the unit, the compose file and the manifest."""
    (container,) = monitor_of()["containers"]
    unit = (ROOT / "deploy/systemd/outrider-monitor.service").read_text("utf-8")
    composed = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]["monitor"]
    assert container["resources"]["limits"] == {"memory": "2Gi"}
    assert composed["mem_limit"] == "2g"
    assert "\nMemoryMax=2G\n" in unit


def test_the_monitor_writes_where_it_may() -> None:
    """A root that it cannot write, its settings by our own reader, its data on the volume that is claimed."""
    settings, stateful, service = yaml.safe_load_all(MONITOR.read_text("utf-8"))
    (container,) = monitor_of()["containers"]
    MonitorSettings.of(document_of(settings["data"]["monitor.yaml"].encode(), "monitor.yaml"), "monitor.yaml")
    assert container["args"] == ["--config=/etc/outrider/monitor.yaml"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"]["drop"] == ["ALL"]
    mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    claimed = {claim["metadata"]["name"] for claim in stateful["spec"]["volumeClaimTemplates"]}
    assert mounted["data"] == "/var/lib/outrider"
    assert set(mounted) == claimed | {volume["name"] for volume in monitor_of()["volumes"]}
    assert [port["port"] for port in service["spec"]["ports"]] == [port["containerPort"] for port in container["ports"]]


def monitor_of() -> dict[str, Any]:
    """The pod of the StatefulSet."""
    _, stateful, _ = yaml.safe_load_all(MONITOR.read_text("utf-8"))
    return dict(stateful["spec"]["template"]["spec"])
