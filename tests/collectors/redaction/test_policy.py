"""What may be stored: rules by name, texts by length, personal data by pattern."""

import hmac
from collections import Counter

import numpy as np
import pytest

from collectors.records.packing import pack, unpack
from collectors.records.types import Prediction, Tensor
from collectors.redaction import PatternRule, RedactionPolicy, Rule, names_from, redact, redact_id
from collectors.redaction import policy as policy_module

KEY = b"0123456789abcdef"
MATRIX = Tensor(name="x", shape=(2, 3), datatype="FP64", data=np.arange(6, dtype="<f8").tobytes())
AGES = Tensor(name="age", shape=(3,), datatype="INT64", data=pack([17, 34, 99], "INT64"))
NAMES = Tensor(name="name", shape=(2, 1), datatype="BYTES", items=("Ann", "Bob"))


def stored(policy: RedactionPolicy, *inputs: Tensor, error: str | None = None) -> tuple[Prediction, dict[str, int]]:
    counts: Counter[str] = Counter()
    record = Prediction(
        exchange="e",
        id="i",
        id_source="body",
        model="m",
        version="1",
        time_ns=1,
        inputs=inputs,
        outputs=inputs[:1],
        error=error,
    )
    return redact(record, policy, counts), dict(counts)


def ruled(rule: Rule, tensor: Tensor) -> Tensor:
    return stored(RedactionPolicy(rules=(rule,), key=KEY), tensor)[0].inputs[0]


def test_a_record_without_anything_to_hide_is_itself() -> None:
    """Numbers pass untouched."""
    record, counts = stored(RedactionPolicy(), MATRIX, AGES)
    assert (record.inputs, counts) == ((MATRIX, AGES), {})


def test_a_dropped_tensor_is_gone_from_both_sides() -> None:
    """And each of its values is counted."""
    record, counts = stored(RedactionPolicy(rules=(Rule("a*", "drop"),)), AGES, MATRIX)
    assert (record.inputs, record.outputs, counts) == ((MATRIX,), (), {"drop": 6})


def test_a_masked_tensor_is_missing() -> None:
    """Its values are not zeros: they are not there."""
    assert ruled(Rule("age", "mask"), AGES) == Tensor(
        name="age", shape=(3,), datatype="INT64", data=bytes(24), missing=(0, 1, 2)
    )
    assert ruled(Rule("name", "mask"), NAMES).items == ("", "")


@pytest.mark.parametrize("action", ["mask", "drop", "hash"])
def test_a_column_of_a_matrix_is_masked(action: str) -> None:
    """The matrix keeps its shape, so neither dropping nor hashing is possible inside it."""
    tensor = ruled(Rule("x_1", action), MATRIX)  # type: ignore[arg-type]
    assert (tensor.missing, list(unpack(tensor.data, "FP64"))) == ((1, 4), [0, 0, 2, 3, 0, 5])


def test_a_hash_is_keyed_and_the_same_for_the_same_value() -> None:
    """Whatever type carried the value; missing stays missing."""
    ages = ruled(Rule("age", "hash"), AGES)
    floats = ruled(
        Rule("age", "hash"), Tensor(name="age", shape=(2,), datatype="FP32", data=pack([17.0, 0], "FP32"), missing=(1,))
    )
    assert (ages.datatype, ages.shape) == ("BYTES", (3,))
    assert ages.items[0] == hmac.new(KEY, b"17", "sha256").hexdigest()[:32]
    assert (floats.items, floats.missing) == ((ages.items[0], ""), (1,))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule("age", "round", step=10), [20, 30, 100]),
        (Rule("age", "bin", edges=(0, 18, 65)), [0, 18, 65]),
        (Rule("age", "bin", edges=(18, 65)), [18, 18, 65]),
    ],
)
def test_numbers_can_be_made_coarser(rule: Rule, expected: list[float]) -> None:
    """To multiples of a step, or to the lower edge of a bin."""
    assert list(unpack(ruled(rule, AGES).data, "INT64")) == expected


def test_a_column_can_be_made_coarser() -> None:
    """Not finite values stay what they are."""
    tensor = Tensor(
        name="x", shape=(2, 2), datatype="FP32", data=pack([1.26, 1.26, float("nan"), float("inf")], "FP32")
    )
    values = unpack(ruled(Rule("x_1", "round", step=0.5), tensor).data, "FP32")
    assert values[1] == 1.5
    assert values[3] == float("inf")


def test_what_cannot_be_made_coarser_is_masked() -> None:
    """Texts, and numbers whose rounded value does not fit."""
    assert ruled(Rule("name", "round", step=10), NAMES).missing == (0, 1)
    bytes_ = Tensor(name="b", shape=(1,), datatype="UINT8", data=b"\xff")
    assert ruled(Rule("b", "round", step=100), bytes_).missing == (0,)


def test_the_first_rule_that_matches_counts() -> None:
    """So an exception stands before its rule."""
    policy = RedactionPolicy(rules=(Rule("age", "round", step=10), Rule("*", "drop")))
    assert [tensor.name for tensor in stored(policy, AGES, NAMES)[0].inputs] == ["age"]


def test_long_texts_are_payload() -> None:
    """Only their length is kept, unless the policy wants texts."""
    texts = Tensor(name="t", shape=(3,), datatype="BYTES", items=("short", "x" * 100, b"\xff" * 100))
    record, counts = stored(RedactionPolicy(), texts)
    assert record.inputs[0].items == ("short", "<text 100>", "<bytes 100>")
    assert counts == {"text": 2, "bytes": 2}
    assert stored(RedactionPolicy(text_chars_max=None), texts)[0].inputs[0] == texts


def test_personal_data_is_replaced_in_texts_bytes_and_errors() -> None:
    """Wherever it stands in them."""
    texts = Tensor(name="t", shape=(2,), datatype="BYTES", items=("to a@b.cd", b"\xff 10.0.0.1"))
    record, counts = stored(RedactionPolicy(), texts, error="bad card 4111-1111-1111-1111")
    assert record.inputs[0].items == ("to <email>", b"\xff <ip>")
    assert record.error == "bad card <card>"
    assert counts == {"email": 2, "ip": 2, "card": 1}


def test_an_id_with_personal_data_becomes_its_keyed_hash() -> None:
    """Labels can still be joined by whoever has the key; without a key there is no such id."""
    counts: Counter[str] = Counter()
    hashed = redact_id("a@b.cd", RedactionPolicy(key=KEY), counts)
    assert hashed == hmac.new(KEY, b"a@b.cd", "sha256").hexdigest()[:32]
    assert redact_id("a@b.cd", RedactionPolicy(), counts) is None
    assert redact_id("request-17", RedactionPolicy(), counts) == "request-17"
    assert counts == {"id": 2}


@pytest.mark.parametrize(
    "broken",
    [
        lambda: Rule("x", "round"),
        lambda: Rule("x", "bin"),
        lambda: Rule("x", "bin", edges=(2, 1)),
        lambda: RedactionPolicy(patterns=("email", "shoe size")),
        lambda: RedactionPolicy(key=b"short"),
        lambda: RedactionPolicy(rules=(Rule("x", "hash"),)),
    ],
)
def test_a_policy_that_cannot_hold_is_refused_at_once(broken: object) -> None:
    """Before anything is captured."""
    with pytest.raises(ValueError, match=r"redaction|expected"):
        broken()  # type: ignore[operator]


def test_the_key_does_not_show() -> None:
    """Policies are logged."""
    assert "0123456789abcdef" not in repr(RedactionPolicy(key=KEY))


def test_only_so_much_of_an_exchange_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts beyond it are reduced to their length; those that cannot hold personal data pass."""
    monkeypatch.setattr(policy_module, "SCANNED_CHARS_MAX", 20)
    texts = Tensor(name="t", shape=(4,), datatype="BYTES", items=("1234567890", "1234567890", "1234567", "clerk"))
    assert stored(RedactionPolicy(), texts)[0].inputs[0].items == ("1234567890", "1234567890", "<text 7>", "clerk")


def test_ids_of_machines_stay_whatever_digits_are_in_them() -> None:
    """A UUID whose last group is a card's number by chance still joins its label."""
    counts: Counter[str] = Counter()
    for found in (
        "0189a6b2-7c1e-7cf5-b3bf-411111111111",
        "4111111111111111" * 2,
        "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
    ):
        assert redact_id(found, RedactionPolicy(), counts) == found
    assert redact_id("4111111111111111", RedactionPolicy(), counts) is None
    assert counts == {"id": 1}


def test_rules_reach_the_fields_of_texts_that_are_json() -> None:
    """Rows that fit no tensor are kept as their JSON; elements of a list bear the list's path, with the tensor's name or without."""
    rules = (
        Rule("cart.card", "drop"),
        Rule("user.born", "date", unit="year"),
        Rule("cart.ip", "network", v4=8),
        Rule("*.age", "round", step=10),
        Rule("name", "hash"),
        Rule("deep.pin", "mask"),
    )
    policy = RedactionPolicy(rules=rules, key=KEY, text_chars_max=None)
    told = '[{"card":"1","n":1},{"ip":"10.9.8.7","user":{"born":"1984-06-09","age":37},"deep":[[{"pin":[1]}]]}]'
    name = hmac.new(KEY, b"17", "sha256").hexdigest()[:32]
    cart = Tensor(name="cart", shape=(4,), datatype="BYTES", items=(told, ' {"name":17.0}', "[1,2]", "{card"))
    record, counts = stored(policy, cart)
    assert record.inputs[0].items == (
        '[{"n":1},{"ip":"10.0.0.0/8","user":{"born":"1984","age":40},"deep":[[{"pin":null}]]}]',
        f'{{"name":"{name}"}}',
        "[1,2]",
        "{card",
    )
    assert counts == {"drop": 2, "network": 2, "date": 2, "round": 2, "mask": 2, "hash": 2}


@pytest.mark.parametrize("text", ["[" * 100_000 + "]" * 100_000, '{"a":{"pin":' + "[" * 900 + "]" * 900 + "}}"])
def test_a_text_that_is_nested_too_deep_keeps_its_length_or_itself(text: str) -> None:
    """Nothing that a client sends ends the worker."""
    policy = RedactionPolicy(rules=(Rule("a.pin", "mask"),), text_chars_max=None)
    assert stored(policy, texts(text))[0].inputs[0].items[0] in (text, f"<text {len(text)}>", '{"a":{"pin":null}}')


@pytest.mark.parametrize("action", ["round", "bin"])
def test_a_number_too_large_for_its_rule_keeps_no_text(action: str) -> None:
    """JSON has numbers of any size."""
    rule = Rule("n", action, step=3, edges=(0, 10))  # type: ignore[arg-type]
    record, _ = stored(RedactionPolicy(rules=(rule,), text_chars_max=None), texts('{"n":1' + "0" * 400 + "}"))
    assert "1000" not in str(record.inputs[0].items[0])


def test_keys_of_json_are_searched_too() -> None:
    """A client that counts by address makes names of tensors of them; those that become the same are told apart."""
    tensors = [Tensor(name=n, shape=(1,), datatype="BOOL", data=b"\1") for n in ("a@b.cd", "x_1", "n.e@f.gh", "i@j.kl")]
    record, counts = stored(RedactionPolicy(), *tensors)
    assert [tensor.name for tensor in record.inputs] == ["<email>", "x_1", "<email> 2", "<email> 3"]
    assert counts == {"email": 4}
    assert stored(RedactionPolicy(patterns=()), *tensors)[0].inputs == tuple(tensors)


def texts(*items: str | bytes) -> Tensor:
    return Tensor(name="t", shape=(len(items),), datatype="BYTES", items=items)


def test_dates_and_addresses_can_be_made_coarser() -> None:
    """What is neither is masked; numbers are too."""
    dates = ruled(Rule("t", "date", unit="year"), texts("1984-06-09", b"2001-01-01", "soon"))
    assert (dates.items, dates.missing) == (("1984", "2001", ""), (2,))
    networks = ruled(Rule("t", "network", v4=16), texts("10.9.8.7", "host"))
    assert (networks.items, networks.missing) == (("10.9.0.0/16", ""), (1,))
    assert ruled(Rule("age", "date"), AGES).missing == (0, 1, 2)


def test_rules_by_pattern_say_what_takes_the_place() -> None:
    """A keyed hash, so that one address can be told from another; of an IP address its network."""
    rules = (PatternRule("email", "hash"), PatternRule("ip", "network", v4=8), PatternRule("name", "hash"))
    policy = RedactionPolicy(pattern_rules=rules, key=KEY, names=names_from("Ann"), text_chars_max=None)
    record, counts = stored(policy, texts("Ann a@b.cd at 10.9.8.7", "4111-1111-1111-1111"))

    def hashed(text: str) -> str:
        return hmac.new(KEY, text.encode(), "sha256").hexdigest()[:32]

    first = f"<name {hashed('Ann')}> <email {hashed('a@b.cd')}> at 10.0.0.0/8"
    assert record.inputs[0].items == (first, "<card>")
    assert counts == {"name": 2, "email": 2, "ip": 2, "card": 2}


def test_names_are_taken_out_of_texts_ids_and_errors() -> None:
    """Where a list of them was given."""
    policy = RedactionPolicy(names=names_from("Ann\nBob Smith"))
    record, _ = stored(policy, NAMES, error="no row for bob smith")
    assert (record.inputs[0].items, record.error) == (("<name>", "Bob"), "no row for <name>")
    assert redact_id("order-of-Ann Lee", policy, Counter()) is None


@pytest.mark.parametrize("broken", [lambda: PatternRule("shoe", "mask"), lambda: PatternRule("card", "network")])
def test_a_rule_by_pattern_that_cannot_hold_is_refused(broken) -> None:
    """When it is made."""
    with pytest.raises(ValueError, match="redaction rule"):
        broken()
