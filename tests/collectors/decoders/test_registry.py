"""Every serving API is in the list, and answers for its own request lines only."""

from collectors.decoders.registry import Registry


def test_names_are_unique() -> None:
    """They tell decoders apart in telemetry."""
    assert len({decoder.name for decoder in Registry().decoders}) == len(Registry().decoders)


def test_the_decoder_of_a_request_line_is_found() -> None:
    """With the model it calls; other lines are no inference."""
    found = Registry().find("POST", "/v2/models/m/infer")
    assert found is not None
    assert (found[0].name, found[1].model) == ("open_inference", "m")
    assert Registry().find("GET", "/metrics") is None


def test_a_query_of_any_length_hides_no_inference() -> None:
    """Clients put tokens there, longer than any path and new in each request: nothing of it is looked at or remembered."""
    registry = Registry()
    found = registry.find("POST", "/v2/models/m/infer")
    assert registry.find("POST", "/v2/models/m/infer?token=" + "a" * 60_000) is found
    assert registry.is_inference("POST", "/v2/models/m/infer?token=" + "b" * 60_000)
    assert registry.find("POST", "/v2/models/" + "m" * 60_000 + "/infer") is None
