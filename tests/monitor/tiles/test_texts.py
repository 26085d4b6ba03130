"""Texts as numbers and words, in any language, and what of them reaches alerts."""

import numpy as np
import pytest

from monitor.alerts.evidence.drift import drift_tests
from monitor.alerts.evidence.trials import Look
from monitor.definitions import Feature, MonitoredModel
from monitor.metrics.registry import measure
from monitor.tiles.baseline import build_baseline
from monitor.tiles.categorical import CategoricalTile
from monitor.tiles.encoding import decode_baseline, decode_tileset, encode_baseline, encode_tileset
from monitor.tiles.merge import merge
from monitor.tiles.profile import profile
from monitor.tiles.rows import Rows
from monitor.tiles.texts import DESCRIPTORS, TEXT_CHARS_MAX, describe
from tests.monitor.tiles.samples import column, rows

MODEL = MonitoredModel("m", features=(Feature("note", "text"),))
WORDS = [f"word{i}" for i in range(60)]
SHARES = 1 / np.arange(1, 61)


def notes(rng: np.random.Generator, n: int, *, more: str = "", words: tuple[int, int] = (4, 20)) -> Rows:
    """Texts of words of very unequal frequency, each sentence ten long."""
    texts = []
    for _ in range(n):
        own = list(rng.choice(WORDS, rng.integers(*words), p=SHARES / SHARES.sum()))
        texts.append(" ".join(w + "." if i % 10 == 9 else w for i, w in enumerate(own)) + more)
    return rows({"note": texts})


def evidence(window: Rows, baseline) -> dict[str | None, float]:
    [trials] = drift_tests(Look(profile(window, baseline.grids, MODEL), baseline))
    return {subject.feature: p for subject, p in zip(trials.subjects, trials.log_p.tolist(), strict=True)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello world. It rains!", (22, 4, 2, 0, 0)),
        ("Où est 12345?", (13, 3, 3, 1 / 13, 5 / 13)),
        ("今天 下雨。很 冷！", (10, 4, 2, 8 / 10, 0)),
        ("?!", (2, 0, 0, 0, 0)),
    ],
)
def test_a_text_is_described_by_what_every_language_has(text: str, expected: tuple[float, ...]) -> None:
    """Characters, words, words a sentence, share beyond ASCII, share of digits."""
    found = describe(column([text]))
    assert [found[name].values[0] for name in DESCRIPTORS[:-1]] == pytest.approx(expected)


def test_the_word_of_a_text_is_always_the_same_and_any_of_its_words() -> None:
    """Over many texts each place is drawn; a text without words gives none."""
    texts = [f"a{i} b{i} c{i}" for i in range(300)]
    one, two = describe(column(texts))["word"], describe(column(texts))["word"]
    assert one.values.tolist() == two.values.tolist()
    drawn = [word[0] for word in one.values.tolist()]
    assert min(drawn.count(letter) for letter in "abc") > 60
    wordless = describe(column(["...", "yes"]))["word"].missing
    assert wordless is not None and wordless.tolist() == [True, False]


def test_a_huge_text_is_read_in_part() -> None:
    """Its length is whole, its words are those of the beginning."""
    found = describe(column(["a " * TEXT_CHARS_MAX]))
    assert found["length"].values[0] == 2 * TEXT_CHARS_MAX and found["words"].values[0] == TEXT_CHARS_MAX / 2


def test_identifiers_and_texts_that_were_not_kept_are_not_described() -> None:
    """One word each, or nothing there."""
    for texts in ([f"id-{i}".replace("-", "") for i in range(100)], [None] * 100):
        baseline = build_baseline(rows({"note": texts, "x": list(range(100))}), MODEL, time_ordered=False)
        assert not baseline.grids.described and not baseline.tiles.described


def test_the_same_texts_are_no_evidence() -> None:
    """120 windows of 80 rows against four baselines of 1,000: per descriptor at most 14 p-values under 0.05 (1 in 2,000)."""
    rng = np.random.default_rng(1)
    small: dict[str | None, int] = {}
    for _ in range(4):
        baseline = build_baseline(notes(rng, 1_000), MODEL, time_ordered=False)
        for _ in range(30):
            for name, log_p in evidence(notes(rng, 80), baseline).items():
                small[name] = small.get(name, 0) + (log_p < np.log(0.05))
    assert set(small) == {f"note.{name}" for name in DESCRIPTORS}
    assert max(small.values()) <= 14, small


def test_longer_texts_and_new_words_are_seen_where_they_are() -> None:
    """Lengths and words apart from each other."""
    rng = np.random.default_rng(2)
    baseline = build_baseline(notes(rng, 2_000), MODEL, time_ordered=False)
    longer = evidence(notes(rng, 200, words=(14, 30)), baseline)
    assert longer["note.length"] < np.log(1e-9) and longer["note.word"] > np.log(1e-3)
    strange = evidence(notes(rng, 200, more=" cryptocurrency giveaway"), baseline)
    assert strange["note.word"] < np.log(1e-9) and strange["note.non_ascii"] > np.log(1e-3)


def test_descriptors_are_measured_as_columns_are() -> None:
    """By the metrics of distributions, under the text's name; its missing values are told once."""
    rng = np.random.default_rng(3)
    baseline = build_baseline(notes(rng, 500), MODEL, time_ordered=False)
    found = {(m.metric, m.feature) for m in measure(baseline, profile(notes(rng, 100), baseline.grids, MODEL), MODEL)}
    assert {("js_distance", f"note.{name}") for name in DESCRIPTORS} <= found
    assert {feature for metric, feature in found if metric == "missing_ratio"} == {"note"}


def test_parts_merge_into_the_whole_and_bytes_round_trip() -> None:
    """As tiles of any kind."""
    rng = np.random.default_rng(4)
    baseline = build_baseline(notes(rng, 300), MODEL, time_ordered=False)
    whole = notes(rng, 90)
    once, parts = profile(whole, baseline.grids, MODEL), [whole.take(slice(0, 20)), whole.take(slice(20, None))]
    merged = merge([profile(part, baseline.grids, MODEL) for part in parts])
    for name, tile in once.described.items():
        assert np.array_equal(merged.described[name].counts, tile.counts)
        assert not isinstance(tile, CategoricalTile) or tile.n <= 90
    assert encode_tileset(decode_tileset(encode_tileset(once))) == encode_tileset(once)
    assert encode_baseline(decode_baseline(encode_baseline(baseline))) == encode_baseline(baseline)
