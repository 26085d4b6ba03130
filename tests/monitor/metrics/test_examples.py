"""The examples in the pages of the metrics run, and give what they say."""

import doctest
import importlib
import pkgutil

import pytest

import monitor.metrics

MODULES = sorted(
    module.name for module in pkgutil.walk_packages(monitor.metrics.__path__, "monitor.metrics.") if not module.ispkg
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    """As printed."""
    assert doctest.testmod(importlib.import_module(name)).failed == 0
