"""What every notifier promises: it says what happened, and tells apart what to try again from what never will work."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from monitor.definitions import Receiver
from monitor.errors import InvalidInput, Unavailable
from monitor.findings import AlertStatus, FeatureScore
from monitor.notifications import http
from monitor.notifications.registry import notifiers
from monitor.ports import Notifier
from tests.results import START, transition
from tests.scripted_http import Answer, Request, Scripted, scripted_http

LINK = "http://monitor:8080/models/income?from=a&to=b"
# Apprise imports a module of the standard library that Python 3.13 no longer has, and copes without it.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

KINDS = ("webhook", "alertmanager", "apprise")


class Post:
    """A notifier before a server whose status the test sets."""

    def __init__(self, kind: str, notifier: Notifier, server: Scripted) -> None:
        self.notifier = notifier
        self.server = server
        url = server.url if kind != "apprise" else f"json://{server.url.removeprefix('http://')}/hook"
        self.receiver = Receiver(kind, url)  # type: ignore[arg-type]
        self.status = 200

    def send(self, state: AlertStatus = AlertStatus.FIRING, **changes: Any) -> None:
        t = transition(state, **changes)
        self.notifier.send(self.receiver, t, idempotency_key="f1/1", link=LINK, now_ns=START)


@pytest.fixture(params=KINDS)
def post(request: pytest.FixtureRequest) -> Iterator[Post]:
    answer = Answer()

    def answering(_: Request) -> Answer:
        return replace(answer, status=made.status)

    with http.client() as client, scripted_http(answering) as server:
        made = Post(request.param, notifiers(client, {})[request.param], server)
        yield made


def test_its_kind_is_the_receivers(post: Post) -> None:
    """The list of notifiers is keyed by what receivers say they are."""
    assert post.notifier.kind == post.receiver.kind


def test_a_message_says_what_happened_and_where_to_look(post: Post) -> None:
    """The summary with its numbers, the worst feature, and the link are in the message."""
    post.send()
    body = post.server.requests[-1].body.decode()
    said = json.dumps(json.loads(body), ensure_ascii=False)
    for part in ("JS distance 0.41, limit 0.25", "RELP = 17: 69.6 % against 5.2 %", LINK):
        assert part in said


def test_a_message_is_posted_once(post: Post) -> None:
    """One transition, one request."""
    post.send()
    assert [r.method for r in post.server.requests] == ["POST"]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_receiver_in_trouble_is_tried_again(post: Post, status: int) -> None:
    """Too many requests or a broken server: later."""
    post.status = status
    with pytest.raises(Unavailable):
        post.send()


@pytest.mark.parametrize("status", [400, 404])
def test_a_receiver_that_refuses_is_given_up(post: Post, status: int) -> None:
    """A request that never will be taken is not repeated. Apprise does not say why, so it is tried again."""
    post.status = status
    with pytest.raises(InvalidInput if post.receiver.kind != "apprise" else Unavailable):
        post.send()


def test_a_receiver_that_is_not_there_is_tried_again(post: Post) -> None:
    """A refused connection is no reason to give up."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        post.receiver = replace(
            post.receiver, url=post.receiver.url.replace(post.server.url.removeprefix("http://"), address)
        )
        with pytest.raises(Unavailable):
            post.send()


@pytest.mark.parametrize("state", list(AlertStatus))
def test_every_state_can_be_told(post: Post, state: AlertStatus) -> None:
    """No state is an error; a receiver may not need to hear of some."""
    post.send(state)


def test_a_message_stays_small(post: Post) -> None:
    """A model with a thousand drifted features and a long summary does not make a large message."""
    features = tuple(FeatureScore(f"feature_{i}", "psi", 9.0, 0.1, "x" * 100) for i in range(1_000))
    post.send(features=features, summary="s" * 100_000)
    assert len(post.server.requests[-1].body) < 20_000


def test_numbers_that_do_not_exist_are_left_out(post: Post) -> None:
    """A missing value, limit or time is no crash and no NaN."""
    post.send(value=None, threshold=float("inf"), since_ns=None, features=(FeatureScore("a", "psi", float("inf")),))
    assert b"NaN" not in post.server.requests[-1].body and b"Infinity" not in post.server.requests[-1].body
