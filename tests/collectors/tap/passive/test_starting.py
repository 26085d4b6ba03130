"""What the supervisor says where packets cannot be had."""

import pytest

from collectors.errors import StartFailed
from collectors.tap.passive.starting import open_packets


def test_an_interface_that_is_not_here_is_told_with_those_that_are() -> None:
    """Before the privilege is asked for: a wrong name is wrong for everybody."""
    with pytest.raises(StartFailed, match=r"no interface 'nowhere0' here, only .*\blo\b"):
        open_packets([8000], 4 * 1024 * 1024, "nowhere0")
