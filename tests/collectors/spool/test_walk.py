"""A walk finds every intact frame, names what lies between, and always comes to the end."""

from random import Random

from collectors.spool.framing import FRAME_HEADER_BYTES, FRAME_MAGIC, encode_frame
from collectors.spool.walk import SEARCH_BYTES, Damage, Frame, walk

SEED = 1234


def frame(sequence: int, payload: bytes = b"some payload", seed: int = SEED) -> bytes:
    return encode_frame(payload, sequence=sequence, records=sequence, written_ns=1, seed=seed)


def walked(data: bytes, *, verify: bool = True) -> list[int | tuple[int, int, str, int | None]]:
    """Sequence numbers of frames, and (offset, size, reason, records) of damage; without holes."""
    parts = list(walk(lambda offset, size: data[offset : offset + size], 0, len(data), SEED, verify=verify))
    at = 0
    for part in parts:
        assert part.offset == at
        at = part.end
    assert at == len(data)
    return [
        part.header.sequence if isinstance(part, Frame) else (part.offset, part.size, part.reason, part.records)
        for part in parts
    ]


def overwrite(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


ONE = len(frame(1))
THREE = frame(1) + frame(2) + frame(3)


def test_frames_in_order() -> None:
    """What was written is found."""
    assert walked(THREE) == [1, 2, 3]
    assert walked(b"") == []


def test_a_damaged_payload_costs_one_frame() -> None:
    """The length is trusted because the header has its own checksum; what is lost is known."""
    data = overwrite(THREE, ONE + FRAME_HEADER_BYTES + 2, b"X")
    assert walked(data) == [1, (ONE, ONE, "payload", 2), 3]
    assert walked(data, verify=False) == [1, 2, 3]


def test_behind_a_damaged_header_the_next_frame_is_found() -> None:
    """Also where the length is what was damaged."""
    for at in range(FRAME_HEADER_BYTES):
        data = overwrite(THREE, ONE + at, bytes([THREE[ONE + at] ^ 0x10]))
        assert walked(data, verify=False) == [1, (ONE, ONE, "header", None), 3]


def test_every_cut_leaves_the_frames_before_it() -> None:
    """A torn end, wherever it tears, costs only the frame it tears."""
    for cut in range(len(THREE)):
        found = walked(THREE[:cut])
        assert [part for part in found if isinstance(part, int)] == [1, 2, 3][: cut // ONE]
        assert all(part[2] == "torn" for part in found if isinstance(part, tuple))


def test_zeros_to_the_end_are_a_torn_end() -> None:
    """A file that grew before its bytes reached the disk."""
    assert walked(frame(1) + bytes(1000)) == [1, (ONE, 1000, "torn", None)]


def test_a_number_that_does_not_rise_is_damage() -> None:
    """A frame that was there before is not delivered twice."""
    assert walked(frame(2) + frame(2) + frame(1) + frame(3)) == [
        2,
        (ONE, ONE, "order", 2),
        (2 * ONE, ONE, "order", 1),
        3,
    ]


def test_a_client_cannot_smuggle_a_frame() -> None:
    """Bytes in a payload that look like a frame of some journal do not become one when the header is damaged."""
    smuggled = frame(50, b"forged", seed=0)
    data = frame(1) + frame(2, b"ab" + smuggled + b"cd") + frame(3)
    assert walked(overwrite(data, ONE, b"\x00")) == [1, (ONE, len(data) - 2 * ONE, "header", None), 3]


def test_a_frame_behind_a_long_damaged_region_is_found() -> None:
    """Also where its marker lies across two reads of the search."""
    for shift in range(-5, 2):
        junk = b"j" * (SEARCH_BYTES + shift)
        assert walked(junk + frame(1)) == [(0, len(junk), "header", None), 1]


def test_many_false_markers_do_not_stop_the_walk() -> None:
    """Markers without a frame behind them are passed over, in one region."""
    junk = FRAME_MAGIC * 50_000
    assert walked(junk + frame(1)) == [(0, len(junk), "header", None), 1]


def test_random_damage_is_survived() -> None:
    """Whatever is overwritten, cut out or put in, frames come in order and are ones that were written."""
    dice = Random(7)
    whole = b"".join(frame(n, dice.randbytes(dice.randrange(80))) for n in range(1, 30))
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(dice.randrange(1, 4)):
            at, size = dice.randrange(len(data)), dice.randrange(60)
            data[at : at + size] = dice.randbytes(dice.choice((0, size, 2 * size)))
        found = [part for part in walked(bytes(data)) if isinstance(part, int)]
        assert found == sorted(set(found))
        assert set(found) <= set(range(1, 30))
        assert len(found) >= 10


def test_damage_knows_its_end() -> None:
    """Offsets add up."""
    assert Damage(3, 4, "torn").end == 7
