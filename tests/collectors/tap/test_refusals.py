"""What is said of a server that cannot be reached, and how often."""

import logging

from collectors.tap.refusals import SPEAK_SECONDS, Refusals


def test_the_first_refusal_names_the_server_at_once(caplog):
    """With how many connections it was, and what to look at."""
    refusals = Refusals(["127.0.0.1:8000"])
    with caplog.at_level(logging.WARNING):
        refusals.look_after(0, 10.0)
        refusals.look_after(3, 10.1)
    (record,) = caplog.records
    assert (record.getMessage(), record.upstream, record.connections) == ("upstream_not_reached", "127.0.0.1:8000", 3)


def test_what_goes_on_is_told_once_a_minute(caplog):
    """With those since the last time; what is over is not told again."""
    refusals = Refusals(["h:1", "h:2"])
    with caplog.at_level(logging.WARNING):
        for second in range(int(SPEAK_SECONDS) + 1):
            refusals.look_after(1 + second, 100.0 + second)
        refusals.look_after(61, 100.0 + 3 * SPEAK_SECONDS)
    assert [record.connections for record in caplog.records] == [1, 60]
    assert caplog.records[0].upstream == "h:1, h:2"
