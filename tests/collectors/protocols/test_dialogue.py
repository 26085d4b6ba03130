"""Streams of many requests: which answers are whose, by rules that never guess."""

import random
from collections.abc import Sequence

import pytest

from collectors.protocols import Direction, Exchange, dialogue
from collectors.protocols.connection import Connection
from collectors.protocols.dialogue import Answer
from collectors.protocols.memory import Budget
from tests.collectors.conversation import Step, client, in_pieces, random_sizes
from tests.collectors.grpc_conversation import OK, STREAM, Peers, message, reset


class Letters:
    """Messages that say it all in four letters: key, whether last (y, n or ?), whether failed (!), and the rest."""

    def key(self, message: bytes) -> str:
        return message[:1].decode().strip()

    def answer(self, message: bytes) -> Answer:
        final = {b"y": True, b"n": False}.get(message[1:2])
        return Answer(message[:1].decode().strip(), final, failed=message[2:3] == b"!")


class Stream:
    """One stream, and the exchanges that were cut from it."""

    def __init__(self) -> None:
        self.peers = Peers()
        self.budget = Budget()
        self.connection = Connection(
            self.budget, lambda method, target: True, met_midway=False, correlating=lambda method, target: Letters()
        )
        self.exchanges: list[Exchange] = []
        self.time_ns = 0
        self.steps = [*self.peers.hello(), self.peers.call(STREAM, ends=False, x_request_id="stream")]
        self.heard = False

    def ask(self, *messages: str) -> "Stream":
        self.steps += [self.peers.more(message(each.encode())) for each in messages]
        return self

    def tell(self, *messages: str) -> "Stream":
        for each in messages:
            self.steps.append(self.peers.says(message(each.encode()), first=not self.heard))
            self.heard = True
        return self

    def end(self, headers: Sequence[tuple[str, str]] = OK) -> "Stream":
        self.steps.append(self.peers.trailers(headers))
        return self

    def play(self, steps: Sequence[Step] | None = None) -> "Stream":
        for direction, data in self.steps if steps is None else steps:
            self.time_ns += 1
            self.exchanges += self.connection.received(direction, data, self.time_ns)
        self.steps = []
        return self

    def close(self) -> "Stream":
        self.exchanges += self.connection.closed(self.time_ns + 1)
        assert self.budget.held == 0
        return self

    @property
    def story(self) -> list[tuple[str, str, int, str | None]]:
        """Question, answers, status, damage."""
        return [
            (_plain(each.request_body), _plain(each.response_body), each.status, each.damage) for each in self.exchanges
        ]


def _plain(body: bytes | bytearray) -> str:
    said, at = [], 0
    while at < len(body):
        end = at + 5 + int.from_bytes(body[at + 1 : at + 5], "big")
        said.append(bytes(body[at + 5 : end]).decode())
        at = end
    return " ".join(said)


def test_answers_in_turn_are_paired_in_turn() -> None:
    """One after the other, without keys or marks."""
    stream = Stream().ask(" 1").tell(" ?-A").ask(" 2").tell(" ?-B").end().play()
    assert stream.story == [(" 1", " ?-A", 200, None), (" 2", " ?-B", 200, None)]


def test_an_exchange_does_not_wait_for_the_end_of_the_stream() -> None:
    """With the mark at once, without it when the client asks again."""
    assert Stream().ask("a1").tell("ay-A").play().story == [("a1", "ay-A", 200, None)]
    stream = Stream().ask(" 1").tell(" ?-A").play()
    assert stream.story == []
    assert stream.ask(" 2").play().story == [(" 1", " ?-A", 200, None)]


def test_questions_ahead_of_their_answers_are_answered_in_order() -> None:
    """Without keys; where all are answered, more is of the last."""
    stream = Stream().ask(" 1", " 2", " 3").tell(" ?-A", " ?-B", " ?-C", " ?-D").end().play()
    assert stream.story == [
        (" 1", " ?-A", 200, None),
        (" 2", " ?-B", 200, None),
        (" 3", " ?-C  ?-D", 200, None),
    ]


def test_decoupled_answers_are_paired_by_key_in_any_order() -> None:
    """None, one or many each, the marks with them or by themselves."""
    stream = Stream().ask("a1", "b2", "c3").tell("bn-A", "an-B", "bn-C", "cy-", "by-", "ay-D").end().play()
    assert stream.story == [
        ("c3", "cy-", 200, None),
        ("b2", "bn-A bn-C by-", 200, None),
        ("a1", "an-B ay-D", 200, None),
    ]


def test_decoupled_answers_without_a_last_end_with_the_stream() -> None:
    """Servers send the empty last one only where the client asked for it."""
    assert Stream().ask("a1", "b2").tell("an-A").end().play().story == [
        ("a1", "an-A", 200, None),
        ("b2", "", 200, None),
    ]


def test_decoupled_answers_that_could_be_of_several_are_trusted_for_none() -> None:
    """Two open questions of the same name."""
    stream = Stream().ask(" 1", " 2").tell(" n-A", " y-B", " y-C").end().play()
    assert stream.story == [("", "", 200, "ambiguous_answers"), ("", "", 200, "ambiguous_answers")]


def test_an_answer_to_nothing_is_counted() -> None:
    """Of a question that has ended, or was never asked."""
    assert Stream().ask("a1").tell("ay-A", "ay-B").end().play().story == [
        ("a1", "ay-A", 200, None),
        ("", "", 0, "no_request"),
    ]


def test_an_answer_may_say_that_its_question_failed() -> None:
    """The stream goes on."""
    stream = Stream().ask("a1", "b2").tell("a?!no", "by-B").end().play()
    assert stream.story == [("a1", "a?!no", 500, None), ("b2", "by-B", 200, None)]


def test_a_stream_that_fails_fails_what_was_not_answered() -> None:
    """What was answered whole was served."""
    refused = [("grpc-status", "14"), ("grpc-message", "gone")]
    stream = Stream().ask("a1", "b2", "c3").tell("ay-A", "bn-B").end(refused).play()
    assert stream.story == [("a1", "ay-A", 200, None), ("b2", "bn-B", 503, None), ("c3", "", 503, None)]
    assert stream.exchanges[1].trailers["grpc-message"] == "gone"
    unmarked = Stream().ask(" 1").tell(" ?-A").end(refused).play()
    assert unmarked.story == [(" 1", " ?-A", 200, None)]


@pytest.mark.parametrize("how", ["reset", "close"])
def test_a_stream_that_is_cut_damages_what_was_not_answered(how: str) -> None:
    """Where marks say that more was to come, also what was answered in part; and half a question."""
    stream = Stream().ask("a1", "b2", "c3").tell("a?-A", "bn-B").play()
    stream.play([client(stream.peers.data(1, message(b"d4 long")[:7]))])
    if how == "reset":
        stream.play([client(reset(1))])
    stream.close()
    assert stream.story == [
        ("a1", "a?-A", 200, None),
        ("", "", 0, "response_incomplete"),
        ("", "", 0, "no_response"),
        ("", "", 0, "request_incomplete"),
    ]


def test_any_pieces_are_cut_the_same() -> None:
    """Messages and frames have nothing to do with each other."""
    rng = random.Random(9)
    scripted = Stream().ask("a1", "b2" * 50).tell("an-A" * 40, "by-B", "ay-").ask(" 3").tell(" ?-C").end()
    steps = list(scripted.steps)
    whole = scripted.play().story
    for largest in (1, 3, 30, 300):
        cut = Stream()
        cut.steps = []
        assert cut.play(list(in_pieces(steps, random_sizes(rng, largest)))).close().story == whole


def test_each_exchange_has_its_own_times_and_no_id_of_the_stream() -> None:
    """From the first byte of the question to the last of its answers."""
    stream = Stream().ask("a1").tell("an-A").ask("b2").tell("by-B", "ay-").end().play()
    assert [(each.start_ns, each.end_ns) for each in stream.exchanges] == [(7, 8), (5, 9)]
    assert all(each.request_headers == {"content-type": "application/grpc"} for each in stream.exchanges)


def test_a_client_may_ask_thousands_of_times_ahead() -> None:
    """Each answer finds its question, by key or by order."""
    for key in ("a", " "):
        asked = [f"{key}{number}" for number in range(3000)]
        stream = Stream().ask(*asked).tell(*(f"{key}y-{number}" for number in range(3000))).end().play().close()
        assert stream.story == [(each, f"{key}y-{number}", 200, None) for number, each in enumerate(asked)]


@pytest.mark.parametrize("key", ["a", " "])
def test_a_question_for_which_there_is_no_room_keeps_its_place(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is dropped once; its answer is not taken for that of the next, nor for one to nothing."""
    monkeypatch.setattr(dialogue, "OPEN_MAX", 2)
    stream = Stream().ask(*(f"{key}{number}" for number in range(4))).play()
    stream.tell(*(f"{key}y-{number}" for number in range(4))).ask(f"{key}4").tell(f"{key}y-4").end().play().close()
    dropped = [("", "", 0, "streams_max")] * 2
    assert stream.story == [*dropped, *((f"{key}{number}", f"{key}y-{number}", 200, None) for number in (0, 1, 4))]


def test_without_room_in_memory_a_question_is_dropped() -> None:
    """And keeps its place too."""
    stream = Stream().ask(" z").tell(" y-z").play()
    stream.budget.limit = stream.budget.held + 3 * dialogue.OPEN_BYTES
    stream.ask(*(f" {number}" for number in range(4))).tell(
        *(f" y-{number}" for number in range(4))
    ).end().play().close()
    found = {(asked, told): damage for asked, told, _, damage in stream.story}
    assert found == {("", ""): "memory_full", (" z", " y-z"): None, (" 0", " y-0"): None, (" 1", " y-1"): None}


def test_beyond_all_places_nothing_is_paired_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every question is counted once, and what comes of the server says nothing."""
    monkeypatch.setattr(dialogue, "OPEN_MAX", 2)
    monkeypatch.setattr(dialogue, "PLACES_MAX", 3)
    stream = Stream().ask(*(f" {number}" for number in range(5))).tell(*(f" y-{number}" for number in range(5))).end()
    stream.play().close()
    assert [damage for *_, damage in stream.story] == ["streams_max"] * 5


def test_a_hole_in_a_message_costs_one_exchange() -> None:
    """A hole over its end costs the observation of the connection."""
    stream = Stream().play()
    direction, data = stream.peers.more(message(b"a" + b"x" * 2000))
    stream.play([(direction, data[:500])])
    assert stream.connection.lost(direction, 1000) == ([], True)
    stream.play([(direction, data[1500:])]).ask("b2").tell(" y-A", "by-B").play()
    assert stream.story == [("", "", 200, "not_copied"), ("b2", "by-B", 200, None)]
    stream.play([(direction, data[:500])])
    exchanges, in_step = stream.connection.lost(Direction.TO_SERVER, len(data) - 500)
    assert ([each.damage for each in exchanges], in_step) == (["not_copied"], False)
    assert (stream.connection.opaque, stream.budget.held) == ("out_of_step", 0)
