"""The shipped rules: sound, tested by promtool, about series that exist, each with its runbook."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.findings import ALERT_NAMES, SEVERITIES
from monitor.notifications.message import NO_DATA_NAME
from tests.exported import exported_names

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus" / "outrider.rules.yml"
RULE_TESTS = RULES.with_suffix(".test.yml")
RUNBOOKS = ROOT / "docs" / "runbooks" / "alerts.md"

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="needs promtool: apt-get install prometheus"
)
needs_amtool = pytest.mark.skipif(
    shutil.which("amtool") is None, reason="needs amtool: apt-get install prometheus-alertmanager"
)


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


@pytest.mark.system
@needs_promtool
@pytest.mark.parametrize("command", [("check", "rules", RULES), ("test", "rules", RULE_TESTS)], ids=["check", "test"])
def test_promtool_passes(command: tuple[str, ...]) -> None:
    """The rules parse, and fire on what they should and on nothing else."""
    done = subprocess.run(["promtool", *map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.system
@needs_amtool
def test_the_example_for_alertmanager_is_sound() -> None:
    """amtool accepts it."""
    example = RULES.with_name("alertmanager.yml")
    done = subprocess.run(["amtool", "check-config", str(example)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_series_in_a_rule_is_exported() -> None:
    """A renamed metric cannot leave a rule behind that is never true."""
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    known = exported_names() | recorded
    for rule in rules():
        used = set(re.findall(r"[a-z_]*:?outrider_[a-z0-9_]*(?::[a-z0-9_]+)?", rule["expr"]))
        assert used <= known, used - known


def test_every_alert_has_its_tests() -> None:
    """promtool is asked about each of them."""
    tests = RULE_TESTS.read_text()
    assert [rule["alert"] for rule in rules() if "alert" in rule and rule["alert"] not in tests] == []


def test_every_alert_has_its_runbook() -> None:
    """Those of the rules and those that the service sends; and no section is left over."""
    sections = set(re.findall(r"^## (\S+)$", RUNBOOKS.read_text(), re.MULTILINE))
    named = {rule["alert"] for rule in rules() if "alert" in rule} | set(ALERT_NAMES.values()) | {NO_DATA_NAME}
    assert sections == named
    for rule in rules():
        if "alert" in rule:
            assert rule["annotations"]["runbook"] == f"docs/runbooks/alerts.md#{rule['alert'].lower()}"


def test_both_ways_call_a_kind_by_the_same_name() -> None:
    """A silence or route holds whether Prometheus judges or the service does."""
    by_name = {rule["alert"]: rule for rule in rules() if "alert" in rule}
    for kind, name in ALERT_NAMES.items():
        assert by_name[name]["labels"]["severity"] == SEVERITIES[kind]
        assert f'kind="{kind.value}"' in by_name[name]["expr"] or by_name[name]["labels"].get("kind") == kind.value
