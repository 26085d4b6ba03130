"""Redaction: what may be stored of an exchange, decided before anything is.

Three things happen to a record, in this order. Rules by name act on tensors and columns, and on the fields of texts that are
JSON. Texts longer than `text_chars_max` are payload, not categories, and only their length is kept. What is left of texts, of
the prediction's id and of the server's error passes the patterns of personal data and the user's list of names, where rules
by pattern say what takes their place; the names of tensors, which may be keys of a client's JSON, pass the patterns. Headers and parameters never reach this file, but for the few headers that name a
prediction, which have rules of their own: the others are not taken in, parameters not decoded. Every value changed is
counted by kind.
"""

import hmac
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Literal

import msgspec

from collectors.records.categories import canonical_category
from collectors.records.packing import pack, unpack
from collectors.records.types import ITEM_BYTES, Prediction, Tensor
from collectors.redaction.coarser import DateUnit, binner, network_of, rounder, truncated_date
from collectors.redaction.fields import DROPPED, KEPT, may_be_json, with_fields_changed
from collectors.redaction.names import replace_names
from collectors.redaction.patterns import PATTERNS, may_hold_patterns, meets_patterns, replace_patterns

Action = Literal["drop", "mask", "hash", "round", "bin", "date", "network"]
Header = Literal["x-request-id", "traceparent", "ce-id"]

TEXT_CHARS_MAX = 64
"""Categories are shorter; sentences and prompts are longer."""

SCANNED_CHARS_MAX = 1_000_000
"""Characters of one exchange that are searched for personal data, which takes up to some microseconds each. Texts without
digits, @ and : are not counted; texts beyond it are reduced to their length."""

KEY_BYTES_MIN = 16
"""A shorter key could be guessed from the hashes of known values."""

_HASH_DIGITS = 32

_NAMES_REMEMBERED = 4096
_NAME_CHARS_REMEMBERED = 128
"""Names of tensors that were looked at: the same few in every exchange, half a megabyte at most."""

_MACHINE_ID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}(?:-[0-9a-f]{16})?", re.I
)
"""UUIDs, and the two of W3C's trace context: no person's, though some have a card's digits in them by chance."""

_MACHINE_ID_CHARS = frozenset((36, 32, 32 + 17))
"""How long those are."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What becomes of a tensor or column whose name matches the glob `name`.

    `drop` leaves a tensor out (a column of a matrix is masked), `mask` makes its values missing, `hash` replaces each
    by a keyed hash (inside a matrix: masked), `round` rounds numbers to multiples of `step`, `bin` to the lower of
    `edges`; `date` cuts a date after its `unit`, `network` leaves of an address its first `v4` or `v6` bits. What cannot
    be made coarser in the way asked for is masked. A field of nested JSON is named by its path: `user.address.city`, with that
    of the tensor before it or without, where its tensor is a text.
    """

    name: str
    action: Action
    step: float = 0.0
    edges: tuple[float, ...] = ()
    unit: DateUnit = "month"
    v4: int = 24
    v6: int = 48

    def __post_init__(self) -> None:
        if self.action == "round" and not self.step > 0:
            raise ValueError(f"redaction rule {self.name!r}: step: found {self.step}, expected a number above 0")
        if self.action == "bin" and (not self.edges or list(self.edges) != sorted(set(self.edges))):
            raise ValueError(f"redaction rule {self.name!r}: edges: expected ascending numbers")


@dataclass(frozen=True, slots=True)
class HeaderRule:
    """What becomes of a header that may name a prediction: `drop` takes it for absent, `hash` stores its keyed hash."""

    header: Header
    action: Literal["drop", "hash"]


@dataclass(frozen=True, slots=True)
class PatternRule:
    """What takes the place of one kind of personal data: `<kind>` (`mask`), its keyed hash, of an address its network."""

    pattern: str
    action: Literal["mask", "hash", "network"]
    v4: int = 24
    v6: int = 48

    def __post_init__(self) -> None:
        if self.pattern not in (*PATTERNS, "name"):
            raise ValueError(f"redaction rule: pattern: found {self.pattern!r}, expected one of {', '.join(PATTERNS)}")
        if self.action == "network" and self.pattern != "ip":
            raise ValueError(f"redaction rule {self.pattern!r}: action: found 'network', which is for ip alone")


@dataclass(frozen=True, slots=True)
class RedactionPolicy:
    """`patterns` and `names` are looked for in texts, ids and errors; `text_chars_max` None keeps texts of any length."""

    rules: tuple[Rule, ...] = ()
    patterns: tuple[str, ...] = PATTERNS
    text_chars_max: int | None = TEXT_CHARS_MAX
    key: bytes = field(default=b"", repr=False)
    headers: tuple[HeaderRule, ...] = ()
    pattern_rules: tuple[PatternRule, ...] = ()
    names: frozenset[str] = field(default=frozenset(), repr=False)

    def __post_init__(self) -> None:
        unknown = set(self.patterns) - set(PATTERNS)
        if unknown:
            raise ValueError(f"redaction patterns: found {sorted(unknown)}, expected some of {sorted(PATTERNS)}")
        if self.key and len(self.key) < KEY_BYTES_MIN:
            raise ValueError(f"redaction key: found {len(self.key)} bytes, expected at least {KEY_BYTES_MIN}")
        actions = [rule.action for rules in (self.rules, self.headers, self.pattern_rules) for rule in rules]
        if not self.key and "hash" in actions:
            raise ValueError("redaction key: a rule hashes, and there is no key to hash with")


def redact(record: Prediction, policy: RedactionPolicy, counts: Counter[str]) -> Prediction:
    """The record as it may be stored; adds to `counts` how many values were changed, by kind."""
    if not policy.rules and not record.error and not _hold_words(record):
        return record
    texts = _Texts(policy, counts)
    inputs = _tensors(record.inputs, policy, texts, counts)
    outputs = _tensors(record.outputs, policy, texts, counts)
    error = _without_personal_data(record.error, policy, counts) if record.error else record.error
    if inputs is record.inputs and outputs is record.outputs and error is record.error:
        return record
    return msgspec.structs.replace(record, inputs=inputs, outputs=outputs, error=error)


def _hold_words(record: Prediction) -> bool:
    """Whether there are texts, or names that are more than names."""
    for tensors in (record.inputs, record.outputs):  # a loop: this is asked of every exchange
        for tensor in tensors:
            if tensor.items or _is_suspicious(tensor.name):
                return True
    return False


def _is_suspicious(name: str) -> bool:
    return _may_hold_patterns(name) if len(name) <= _NAME_CHARS_REMEMBERED else may_hold_patterns(name)


_may_hold_patterns = lru_cache(maxsize=_NAMES_REMEMBERED)(may_hold_patterns)


def redact_id(found: str, policy: RedactionPolicy, counts: Counter[str]) -> str | None:
    """An id that holds personal data becomes its keyed hash, or None where there is no key; others stay."""
    if len(found) in _MACHINE_ID_CHARS and _MACHINE_ID.fullmatch(found):
        return found
    if not policy.names and not (may_hold_patterns(found) and meets_patterns(found, policy.patterns)):
        return found
    if _without_personal_data(found, policy, Counter()) == found:
        return found
    counts["id"] += 1
    return _hashed(found, policy.key) if policy.key else None


def redact_headers(headers: Mapping[str, str], policy: RedactionPolicy, counts: Counter[str]) -> Mapping[str, str]:
    """The headers as they may be used; a trace that is hashed is none any more."""
    kept = dict(headers)
    for rule in policy.headers:
        found = kept.pop(rule.header, None)
        if found is None:
            continue
        counts[rule.action] += 1
        if rule.action == "hash":
            kept[rule.header] = _hashed(found, policy.key)
    return kept


def _without_personal_data(text: str, policy: RedactionPolicy, counts: Counter[str]) -> str:
    text = replace_patterns(text, policy.patterns, counts, lambda kind, found: _mark(kind, found, policy))
    if policy.names:
        text = replace_names(text, policy.names, counts, lambda found: _mark("name", found, policy))
    return text


def _mark(kind: str, found: str, policy: RedactionPolicy) -> str:
    rule = next((rule for rule in policy.pattern_rules if rule.pattern == kind), None)
    if rule is None or rule.action == "mask":
        return f"<{kind}>"
    if rule.action == "hash":
        return f"<{kind} {_hashed(found, policy.key)}>"
    return network_of(found, rule.v4, rule.v6) or f"<{kind}>"


def _tensors(
    tensors: tuple[Tensor, ...], policy: RedactionPolicy, texts: "_Texts", counts: Counter[str]
) -> tuple[Tensor, ...]:
    kept = tensors
    if policy.rules:
        ruled = (_apply_rules(tensor, policy, counts) for tensor in tensors)
        kept = tuple(tensor for tensor in ruled if tensor is not None)
    if any(tensor.items for tensor in kept):
        kept = tuple(texts.stored(tensor) if tensor.items else tensor for tensor in kept)
    return texts.named(kept) if any(_is_suspicious(tensor.name) for tensor in kept) else kept


def _apply_rules(tensor: Tensor, policy: RedactionPolicy, counts: Counter[str]) -> Tensor | None:
    rule = _rule_for(tensor.name, policy)
    if rule is not None:
        counts[rule.action] += _size(tensor)
        return _apply_whole(tensor, rule, policy.key)
    columns = tensor.shape[-1] if len(tensor.shape) == 2 and tensor.shape[-1] > 1 else 0
    for column in range(columns):
        rule = _rule_for(f"{tensor.name}_{column}", policy)
        if rule is not None:
            positions = range(column, _size(tensor), columns)
            counts[rule.action] += len(positions)
            tensor = _apply_positions(tensor, rule, positions)
    return tensor


def _rule_for(name: str, policy: RedactionPolicy) -> Rule | None:
    return next((rule for rule in policy.rules if fnmatchcase(name, rule.name)), None)


def _field_rule(tensor: str, path: str, policy: RedactionPolicy) -> Rule | None:
    """For a field in a text: rules may say the tensor's name before its path or not."""
    whole = f"{tensor}.{path}"
    return next((r for r in policy.rules if fnmatchcase(whole, r.name) or fnmatchcase(path, r.name)), None)


def _changed_field(value: object, rule: Rule, key: bytes) -> object:
    """A value of JSON as the rule leaves it; None is what JSON has for a masked one."""
    if rule.action == "drop":
        return DROPPED
    if rule.action == "hash":
        scalar = value if isinstance(value, str | int | float) else msgspec.json.encode(value).decode()
        return None if value is None else _hashed(canonical_category(scalar) or "NaN", key)
    if isinstance(value, int | float) and not isinstance(value, bool) and rule.action in ("round", "bin"):
        coarse = rounder(rule.step)(value) if rule.action == "round" else binner(rule.edges)(value)
        return int(coarse) if isinstance(value, int) else coarse
    if isinstance(value, str) and rule.action == "date":
        return truncated_date(value, rule.unit)
    return network_of(value, rule.v4, rule.v6) if isinstance(value, str) and rule.action == "network" else None


def _apply_whole(tensor: Tensor, rule: Rule, key: bytes) -> Tensor | None:
    if rule.action == "drop":
        return None
    if rule.action != "hash":
        return _apply_positions(tensor, rule, range(_size(tensor)))
    values: Sequence[object] = tensor.items if tensor.datatype == "BYTES" else unpack(tensor.data, tensor.datatype)
    missing = frozenset(tensor.missing)
    items = tuple(
        "" if position in missing else _hashed(canonical_category(value) or "NaN", key)
        for position, value in enumerate(values)
    )
    return Tensor(name=tensor.name, shape=tensor.shape, datatype="BYTES", items=items, missing=tensor.missing)


def _apply_positions(tensor: Tensor, rule: Rule, positions: range) -> Tensor:
    if tensor.datatype == "BYTES" and rule.action in ("date", "network"):
        return _coarser_texts(tensor, rule, positions)
    if tensor.datatype == "BYTES" or rule.action not in ("round", "bin"):
        return _masked(tensor, positions)
    coarser: Callable[[float], float] = rounder(rule.step) if rule.action == "round" else binner(rule.edges)
    values = list(unpack(tensor.data, tensor.datatype))
    whole = not tensor.datatype.startswith(("FP", "BF"))
    for position in positions:
        coarse = coarser(values[position])
        values[position] = int(coarse) if whole else coarse
    try:
        return msgspec.structs.replace(tensor, data=pack(values, tensor.datatype))
    except OverflowError:  # a multiple of the step that the datatype cannot hold
        return _masked(tensor, positions)


def _coarser_texts(tensor: Tensor, rule: Rule, positions: range) -> Tensor:
    items, lost = list(tensor.items), []
    for position in positions:
        item = items[position]
        text = item if isinstance(item, str) else item.decode("latin-1")
        coarse = truncated_date(text, rule.unit) if rule.action == "date" else network_of(text, rule.v4, rule.v6)
        if coarse is None:
            lost.append(position)
        else:
            items[position] = coarse
    return _masked(msgspec.structs.replace(tensor, items=tuple(items)), lost)


def _masked(tensor: Tensor, positions: Sequence[int]) -> Tensor:
    missing = tuple(sorted({*tensor.missing, *positions}))
    if tensor.datatype == "BYTES":
        items = list(tensor.items)
        for position in positions:
            items[position] = ""
        return msgspec.structs.replace(tensor, items=tuple(items), missing=missing)
    width = ITEM_BYTES[tensor.datatype]
    data = bytearray(tensor.data)
    for position in positions:
        data[position * width : (position + 1) * width] = bytes(width)
    return msgspec.structs.replace(tensor, data=bytes(data), missing=missing)


class _Texts:
    """Brings the texts of one exchange into the form in which they may be stored."""

    def __init__(self, policy: RedactionPolicy, counts: Counter[str]) -> None:
        self._chars_max = SCANNED_CHARS_MAX if policy.text_chars_max is None else policy.text_chars_max
        self._policy = policy
        self._counts = counts
        self._left = SCANNED_CHARS_MAX

    def stored(self, tensor: Tensor) -> Tensor:
        found = tensor.items
        if self._policy.rules:
            found = tuple(self._with_rules(tensor.name, item) for item in found)
        items = tuple(map(self._item, found))
        return tensor if items == tensor.items else msgspec.structs.replace(tensor, items=items)

    def named(self, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Names without personal data: clients make keys of addresses and numbers. Those that become the same are numbered."""
        count: Counter[str] = Counter()
        kept = []
        for tensor in tensors:
            name = str(self._item(tensor.name)) if _is_suspicious(tensor.name) else tensor.name
            if name == tensor.name:
                kept.append(tensor)
                continue
            count[name] += 1
            numbered = f"{name} {count[name]}" if count[name] > 1 else name
            kept.append(msgspec.structs.replace(tensor, name=numbered))
        return tuple(kept)

    def _with_rules(self, tensor: str, item: str | bytes) -> str | bytes:
        """A text that is JSON, with the rules applied to its fields; one of which only the length is kept needs none."""
        if not isinstance(item, str) or len(item) > self._chars_max or not may_be_json(item):
            return item

        def change(path: str, value: object) -> object:
            rule = _field_rule(tensor, path, self._policy)
            if rule is None:
                return KEPT
            self._counts[rule.action] += 1
            return _changed_field(value, rule, self._policy.key)

        try:
            return with_fields_changed(item, change)
        except (RecursionError, OverflowError):
            return self._length_of(item)

    def _item(self, item: str | bytes) -> str | bytes:
        text = item if isinstance(item, str) else item.decode("latin-1")
        if len(text) > self._chars_max:
            return self._length_of(item)
        if not self._policy.names and not (self._policy.patterns and may_hold_patterns(text)):
            return item
        if len(text) > self._left:
            return self._length_of(item)
        self._left -= len(text)
        replaced = _without_personal_data(text, self._policy, self._counts)
        return replaced if isinstance(item, str) else replaced.encode("latin-1")

    def _length_of(self, item: str | bytes) -> str:
        kind = "text" if isinstance(item, str) else "bytes"
        self._counts[kind] += 1
        return f"<{kind} {len(item)}>"


def _size(tensor: Tensor) -> int:
    return len(tensor.items) if tensor.datatype == "BYTES" else len(tensor.data) // ITEM_BYTES[tensor.datatype]


def _hashed(text: str, key: bytes) -> str:
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), "sha256").hexdigest()[:_HASH_DIGITS]
