"""JSON of the users' own, by configured paths."""

import pytest

from collectors.decoders.generic_json import JsonRoute
from collectors.decoders.json_paths import STEPS_MAX, Path
from collectors.decoders.registry import Registry
from tests.collectors.decoders.exchanges import columns, decode, refusal

VALUE = {"a": [{"b": 1}, {"b": None}, {}], "x.y": [[1, 2], [3]], "s": "t"}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("s", ["t"]),
        ("$.s", ["t"]),
        ("a[0].b", [1]),
        ("a[*].b", [1, None, None]),
        ('["x.y"][*][*]', [1, 2, 3]),
        ("a[9]", [None]),
        ("s.t", [None]),
        ("s[*]", []),
        ("$", [VALUE]),
    ],
)
def test_a_path_finds_its_values(path: str, found: list[object]) -> None:
    """One, or one a row; what is not there is None."""
    assert Path(path).find(VALUE) == found


@pytest.mark.parametrize("path", ["a[", "a b", "a[x]", ".", '["a', ".a" * (STEPS_MAX + 1)])
def test_what_is_no_path_is_refused(path: str) -> None:
    """When the settings are read."""
    with pytest.raises(ValueError, match="expected a name"):
        Path(path)


ROUTE = JsonRoute(
    path="*/score",
    model="fallback",
    inputs={"age": Path("rows[*].age"), "site": Path("site")},
    outputs={"p": Path("scores[*]")},
    model_at=Path("model"),
    version=Path("build"),
    id=Path("request_id"),
)
REGISTRY = Registry(routes=[ROUTE])
REQUEST = {"rows": [{"age": 31}, {"age": 40}], "site": "a", "model": "risk", "request_id": 7}


def test_a_route_reads_what_its_paths_say() -> None:
    """Places with a row for each element, and one for all."""
    decoded = decode("/api/score?x=1", REQUEST, {"scores": [0.5, 0.7], "build": "b3"}, registry=REGISTRY)
    assert (decoded.model, decoded.version, decoded.id, decoded.rows) == ("risk", "b3", "7", 2)
    assert columns(decoded.inputs) == {"age": [31, 40], "site": ["a", "a"]}
    assert columns(decoded.outputs) == {"p": [0.5, 0.7]}


def test_a_route_comes_before_the_protocols() -> None:
    """Who writes one means it."""
    registry = Registry(routes=[JsonRoute(path="/v1/*", model="m", inputs={}, outputs={})])
    found = registry.find("POST", "/v1/completions")
    assert found is not None
    assert found[0].name == "generic_json"
    assert registry.find("GET", "/v1/completions") is None


def test_places_with_other_numbers_of_rows_are_refused() -> None:
    """They would be put beside each other wrongly."""
    route = JsonRoute(path="/s", model="m", inputs={"a": Path("a[*]"), "b": Path("b[*]")}, outputs={})
    registry = Registry(routes=[route])
    assert refusal("/s", {"a": [1, 2], "b": [1]}, {}, registry=registry) == ("shape_mismatch", "request")


def test_what_a_request_lacks_is_left_out() -> None:
    """The fallback names the model; a refusal keeps the words."""
    decoded = decode("/score", {"site": "a"}, {"detail": "no rows"}, registry=REGISTRY, status=422)
    assert (decoded.model, decoded.rows, decoded.error) == ("fallback", 0, "no rows")
