"""Real captures with every oddity of HTTP: the observer pairs what it can, and never breaks."""

import tarfile
from collections import Counter
from pathlib import Path

import pytest

from tests.collectors.conversation import Watched
from tests.collectors.protocols.pcap import conversations

pytestmark = pytest.mark.data

WHOLE_EXCHANGES = {
    "100-continue.pcap": 1,
    "1000-requests-one-dropped-response.pcap.gz": 999,
    "206_example_c.pcap": 34,
    "connect-with-header.pcap": 1,
    "docker-http-upgrade.pcap": 6,
    "get_nosyn.pcap": 1,
    "http-body-match.pcap": 10,
    "http-post-large.pcap": 2,
    "pipelined-requests.pcap": 5,
    "websocket.pcap": 1,
}
"""How many exchanges of a capture are whole, read off the captures."""


@pytest.fixture(scope="module")
def captures(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pcaps")
    with tarfile.open(shared_data / "http_pcaps" / "zeek_http_pcaps.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder


def watch(capture: Path) -> list[Watched]:
    watched = []
    for facts in conversations(capture):
        one = Watched([], closes=False)
        for direction, fact in facts:
            one.lose(direction, fact) if isinstance(fact, int) else one.say([(direction, fact)])
        watched.append(one.close())
    return watched


def test_no_capture_breaks_the_observer(captures: Path) -> None:
    """All of them end with nothing held."""
    paths = sorted(captures.glob("*.pcap*"))
    assert len(paths) == 33
    for path in paths:
        assert all(one.budget.held == 0 for one in watch(path)), path.name


@pytest.mark.parametrize("name", WHOLE_EXCHANGES)
def test_exchanges_of_a_capture_are_paired(captures: Path, name: str) -> None:
    """As many as the capture holds whole."""
    exchanges = [exchange for one in watch(captures / name) for exchange in one.exchanges]
    assert sum(exchange.damage is None for exchange in exchanges) == WHOLE_EXCHANGES[name]


def test_a_lost_response_costs_one_exchange_of_a_thousand(captures: Path) -> None:
    """The rest of the connection is paired as before."""
    (one,) = watch(captures / "1000-requests-one-dropped-response.pcap.gz")
    assert Counter(exchange.damage for exchange in one.exchanges) == {None: 999, "not_copied": 1}


@pytest.mark.parametrize("name", ["http-lower-case.pcap", "no-uri.pcap", "http-11-request-then-cruft.pcap"])
def test_what_is_not_http_is_counted(captures: Path, name: str) -> None:
    """Lower-case versions, missing targets, lines without CR."""
    assert [exchange.damage for one in watch(captures / name) for exchange in one.exchanges] == ["malformed"]
