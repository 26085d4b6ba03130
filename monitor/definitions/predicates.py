"""The language in which a slice says which predictions are in it: comparisons of columns, joined by and, or, not.

    predicate  := conjunction { "or" conjunction }
    conjunction := negation { "and" negation }
    negation   := "not" negation | "(" predicate ")" | condition
    condition  := column op value | column ["not"] "in" "[" value { "," value } "]" | column "is" ["not"] "missing"
    op         := "=" | "==" | "!=" | "<" | "<=" | ">" | ">="
    column     := letters, digits, "_", "." (not first a digit), or anything between backticks
    value      := number | 'text' | "text" | true | false

It is read by our own parser into the values below: nothing is evaluated as code, and length, depth and the number of
conditions are bounded.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, cast

Operator = Literal["=", "!=", "<", "<=", ">", ">="]
Constant = float | str | bool

PREDICATE_CHARS_MAX = 2_000
CONDITIONS_MAX = 50
"""Each is a pass over the rows of every window."""
DEPTH_MAX = 20
VALUES_MAX = 100
"""Values of one list."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """`<`, `<=`, `>`, `>=` compare numbers; `=` and `!=` compare categories in their canonical form."""

    column: str
    operator: Operator
    value: Constant


@dataclass(frozen=True, slots=True)
class Membership:
    column: str
    values: tuple[Constant, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    column: str


@dataclass(frozen=True, slots=True)
class Not:
    of: Predicate


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Predicate, ...]


Predicate = Comparison | Membership | Missing | Not | And | Or


class PredicateError(ValueError):
    """A text that is no predicate: `position` (from 1), what was found there and what was expected."""

    def __init__(self, position: int, found: str, expected: str) -> None:
        self.position, self.found, self.expected = position, found, expected
        super().__init__(f"character {position}: found {found}, expected {expected}")


def columns_of(predicate: Predicate) -> frozenset[str]:
    """The columns that a predicate reads."""
    if isinstance(predicate, Comparison | Membership | Missing):
        return frozenset({predicate.column})
    parts = (predicate.of,) if isinstance(predicate, Not) else predicate.parts
    return frozenset().union(*map(columns_of, parts))


def parse(text: str) -> Predicate:
    """Read a predicate. Raises PredicateError with the position of the first fault.

    >>> parse("AGEP < 30 and SCHL in [16, 17]")  # doctest: +NORMALIZE_WHITESPACE
    And(parts=(Comparison(column='AGEP', operator='<', value=30.0), Membership(column='SCHL', values=(16.0, 17.0))))
    """
    if len(text) > PREDICATE_CHARS_MAX:
        raise PredicateError(
            PREDICATE_CHARS_MAX + 1, f"{len(text)} characters", f"at most {PREDICATE_CHARS_MAX} characters"
        )
    parser = _Parser(list(_tokens(text)))
    found = parser.disjunction(0)
    parser.end()
    return found


_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<name>[^\W\d][\w.]*)
    | `(?P<quoted>[^`]+)`
    | '(?P<text>[^']*)'
    | "(?P<double>[^"]*)"
    | (?P<symbol><=|>=|!=|==|[=<>()\[\],])
    )""",
    re.VERBOSE,
)
_QUOTED = frozenset({"quoted", "text", "double"})
_WORDS = frozenset({"and", "or", "not", "in", "is", "missing", "true", "false"})


@dataclass(frozen=True, slots=True)
class _Token:
    kind: Literal["number", "column", "text", "word", "symbol", "end"]
    text: str
    position: int

    @property
    def shown(self) -> str:
        return "the end" if self.kind == "end" else repr(self.text[:40])


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise PredicateError(at + 1, repr(text[at]), "a column, a value, an operator or a parenthesis")
        kind = match.lastgroup or ""
        found, position = match[kind], match.start(kind) + (0 if kind in _QUOTED else 1)
        if kind == "name" and found.lower() in _WORDS:
            yield _Token("word", found.lower(), position)
        elif kind in ("name", "quoted"):
            yield _Token("column", found, position)
        elif kind in ("text", "double"):
            yield _Token("text", found, position)
        else:
            yield _Token(cast("Literal['number', 'symbol']", kind), found, position)
        at = match.end()
    yield _Token("end", "", end + 1)


class _Parser:
    """Recursive descent over the tokens; `depth` counts what is open."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._conditions = 0

    def disjunction(self, depth: int) -> Predicate:
        return self._joined("or", Or, self._conjunction, depth)

    def _conjunction(self, depth: int) -> Predicate:
        return self._joined("and", And, self._negation, depth)

    def _joined(self, word: str, join: type[And] | type[Or], part: Callable[[int], Predicate], depth: int) -> Predicate:
        parts = [part(depth)]
        while self._take("word", word):
            parts.append(part(depth))
        return parts[0] if len(parts) == 1 else join(tuple(parts))

    def _negation(self, depth: int) -> Predicate:
        token = self._tokens[self._at]
        if depth >= DEPTH_MAX:
            raise PredicateError(token.position, "a deeper nesting", f"at most {DEPTH_MAX} levels")
        if self._take("word", "not"):
            return Not(self._negation(depth + 1))
        if self._take("symbol", "("):
            found = self.disjunction(depth + 1)
            if not self._take("symbol", ")"):
                raise self._fault("`and`, `or` or `)`")
            return found
        return self._condition()

    def _condition(self) -> Predicate:
        token = self._tokens[self._at]
        if token.kind != "column":
            raise self._fault("a column, `not` or `(`")
        self._conditions += 1
        if self._conditions > CONDITIONS_MAX:
            raise PredicateError(token.position, "one condition more", f"at most {CONDITIONS_MAX} conditions")
        self._at += 1
        column = token.text
        if self._take("word", "is"):
            negated = self._take("word", "not")
            if not self._take("word", "missing"):
                raise self._fault("`missing`")
            return Not(Missing(column)) if negated else Missing(column)
        if self._take("word", "not"):
            if not self._take("word", "in"):
                raise self._fault("`in`")
            return And((Not(Missing(column)), Not(self._membership(column))))
        if self._take("word", "in"):
            return self._membership(column)
        return self._comparison(column)

    def _comparison(self, column: str) -> Predicate:
        token = self._tokens[self._at]
        if token.kind != "symbol" or token.text not in ("=", "==", "!=", "<", "<=", ">", ">="):
            raise self._fault("an operator, `in` or `is`")
        self._at += 1
        operator = cast("Operator", "=" if token.text == "==" else token.text)
        at = self._tokens[self._at]
        value = self._value()
        if operator not in ("=", "!=") and not (isinstance(value, float)):
            raise PredicateError(at.position, at.shown, f"a number after {operator}")
        return Comparison(column, operator, value)

    def _membership(self, column: str) -> Membership:
        if not self._take("symbol", "["):
            raise self._fault("`[`")
        values = [self._value()]
        while self._take("symbol", ","):
            if len(values) >= VALUES_MAX:
                raise self._fault(f"at most {VALUES_MAX} values")
            values.append(self._value())
        if not self._take("symbol", "]"):
            raise self._fault("`,` or `]`")
        return Membership(column, tuple(values))

    def _value(self) -> Constant:
        token = self._tokens[self._at]
        self._at += 1
        if token.kind == "number" and math.isfinite(float(token.text)):
            return float(token.text)
        if token.kind == "text":
            return token.text
        if token.kind == "word" and token.text in ("true", "false"):
            return token.text == "true"
        self._at -= 1
        raise self._fault("a number, a 'text', true or false")

    def _take(self, kind: str, text: str) -> bool:
        token = self._tokens[self._at]
        if token.kind == kind and token.text == text:
            self._at += 1
            return True
        return False

    def end(self) -> None:
        if self._tokens[self._at].kind != "end":
            raise self._fault("`and`, `or` or the end")

    def _fault(self, expected: str) -> PredicateError:
        token = self._tokens[self._at]
        return PredicateError(token.position, token.shown, expected)
