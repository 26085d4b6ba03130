"""Receivers that are away or break stop nobody else, and a pass waits for each of them once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from monitor.definitions import Receiver
from monitor.errors import InvalidInput, Unavailable
from monitor.findings import AlertKind, Status, Transition
from monitor.jobs.raise_alerts import StormGuard, raise_alerts
from monitor.ports import WindowResult
from tests.monitor.jobs.house import MODEL, FakeNotifier, House
from tests.results import transition, window

RECEIVERS = [{"webhook": "http://away"}, {"webhook": "http://here"}]


@dataclass
class Post(FakeNotifier):
    """Fails with `failure` for the receiver that is away, and remembers who was tried."""

    tried: list[str] = field(default_factory=list)

    def send(self, receiver: Receiver, transition: Transition, *, idempotency_key: str, link: str, now_ns: int) -> None:
        self.tried.append(receiver.url)
        if self.failure is not None and receiver.url == "http://away":
            raise self.failure
        self.sent.append((transition, idempotency_key))


def owed(house: House, count: int) -> None:
    """So many alerts of one window have fired, and two receivers are to hear of each."""
    model = house.declare(receivers=RECEIVERS)
    entry = window(0, model=MODEL, status=Status.CRITICAL)
    kinds = list(AlertKind)[:count]
    told = tuple(transition(model=MODEL, fingerprint=f"f{i}", kind=kind) for i, kind in enumerate(kinds))
    house.catalog.commit_window(WindowResult(entry, b"", (), (), (), told), model.receivers, house.now_ns)


def one_pass(house: House, post: Post) -> int:
    return raise_alerts(replace(house.context, notifiers={"webhook": post}), StormGuard())


def test_a_receiver_that_does_not_answer_is_tried_once_a_pass(house: House) -> None:
    """Ten seconds for each of a hundred messages would keep the windows waiting for a quarter of an hour."""
    owed(house, 3)
    post = Post(failure=Unavailable("webhook", "no answer"))
    assert one_pass(house, post) == 3
    assert post.tried.count("http://away") == 1


def test_what_was_put_off_is_sent_when_the_receiver_is_back(house: House) -> None:
    """Nothing is lost by not trying."""
    owed(house, 3)
    post = Post(failure=Unavailable("webhook", "no answer"))
    one_pass(house, post)
    post.failure = None
    house.now_ns += 10**10
    assert one_pass(house, post) == 3


def test_a_fault_of_ours_holds_up_no_other_message(house: House) -> None:
    """It is asked again later, like one that is away."""
    owed(house, 2)
    assert one_pass(house, Post(failure=KeyError("a fault of ours"))) == 2


def test_a_message_that_is_refused_puts_off_no_other(house: House) -> None:
    """The receiver is there: only this message is not for it."""
    owed(house, 2)
    post = Post(failure=InvalidInput(()))
    one_pass(house, post)
    assert post.tried.count("http://away") == 2
