"""Calls to a monitor: what is said where it does not answer."""

from __future__ import annotations

import pytest

from monitor.errors import Unavailable
from outrider.commands.api import MonitorApi
from tests.system.services.process import free_port


def test_a_monitor_that_is_not_there_says_what_to_do() -> None:
    """Its address, and how another is named; no number of an error."""
    api = MonitorApi(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(Unavailable) as caught:
        api.get("/api/v1/models")
    said = str(caught.value)
    assert api.url in said and "outrider monitor" in said and "--monitor" in said and "Errno" not in said


def test_a_name_that_nobody_knows_is_told_in_words() -> None:
    """As the machine tells it."""
    with pytest.raises(Unavailable) as caught:
        MonitorApi("http://nobody.invalid:8090").get("/api/v1/models")
    assert "nobody.invalid" in str(caught.value) and "Errno" not in str(caught.value)
