"""Multi-label, per-class and ranking metrics against scikit-learn, at many prefixes of random data."""

import json

import numpy as np
import pytest
from sklearn import metrics

from monitor.definitions import Label, MonitoredModel, Prediction
from monitor.findings import Status, Value
from monitor.metrics.registry import measure
from monitor.tiles.baseline import build_baseline
from monitor.tiles.outcome_sets import labels_in
from monitor.tiles.profile import profile
from tests.monitor.tiles.samples import rows

PREFIXES = [2, 3, 10, 50, 300, 1_000]
NAMES = ["cat", "dog", "fox", "owl"]
SETS = MonitoredModel("m", task="multilabel", prediction=Prediction(class_="said"), label=Label("true"), metrics="all")
CLASSES = MonitoredModel(
    "m", task="multiclass", prediction=Prediction(class_="said"), label=Label("true"), metrics="all"
)
RANKED = MonitoredModel(
    "m", task="ranking", prediction=Prediction(score="s"), label=Label("grade"), query="q", metrics="all"
)
Found = dict[tuple[str, str | None], Value]


def drawn(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Membership of rows in labels, true and said."""
    rng = np.random.default_rng(seed)
    true = rng.random((n, 4)) < [0.5, 0.3, 0.2, 0.05]
    return true, true ^ (rng.random((n, 4)) < 0.15)


def told(member: np.ndarray, *, as_json: bool = False) -> list[str]:
    names = [[name for name, inside in zip(NAMES, row, strict=True) if inside] for row in member]
    return [json.dumps(row) if as_json else "|".join(row) for row in names]


def measured(
    model: MonitoredModel, window: dict[str, object], label: object, before: dict[str, object], known: object
) -> Found:
    baseline = build_baseline(rows(before, label=known), model, time_ordered=False)
    tiles = profile(rows(window, label=label), baseline.grids, model)
    return {(m.metric, m.feature): m.value for m in measure(baseline, tiles, model)}


def held(value: Value) -> float:
    assert value.value is not None and value.low is not None and value.high is not None, value.reason
    assert value.low <= value.value <= value.high
    return value.value


@pytest.mark.parametrize("as_json", [False, True])
def test_sets_of_labels_are_scikit_learns(as_json: bool) -> None:
    """Subset accuracy, Hamming loss, F1 by label, macro, micro and by rows; sets as texts or as JSON."""
    true, said = drawn(1, PREFIXES[-1])
    everything, known = {"said": told(said)}, told(true)
    for n in PREFIXES:
        t, s = true[:n], said[:n]
        found = measured(SETS, {"said": told(s, as_json=as_json)}, told(t, as_json=as_json), everything, known)
        assert held(found["accuracy", None]) == pytest.approx(metrics.accuracy_score(t, s))
        assert held(found["hamming_loss", None]) == pytest.approx(metrics.hamming_loss(t, s))
        micro = metrics.f1_score(t, s, average="micro", zero_division=np.nan)
        assert held(found["f1_micro", None]) == pytest.approx(micro)
        samples = metrics.f1_score(t, s, average="samples", zero_division=1.0)
        assert held(found["f1_samples", None]) == pytest.approx(samples)
        occurring = (t | s).any(axis=0)
        by_label = metrics.f1_score(t, s, average=None, zero_division=np.nan)
        assert held(found["f1", None]) == pytest.approx(by_label[occurring].mean())
        for i, name in enumerate(NAMES):
            if occurring[i]:
                assert held(found["class_f1", name]) == pytest.approx(by_label[i])
            else:
                assert found["class_f1", name].status is Status.UNDEFINED


@pytest.mark.parametrize("seed", range(3))
def test_classes_one_by_one_are_scikit_learns(seed: int) -> None:
    """Precision, recall and F1 of each; what did not occur is undefined."""
    rng = np.random.default_rng(seed)
    y = rng.choice(NAMES, PREFIXES[-1], p=[0.5, 0.3, 0.15, 0.05])
    c = np.where(rng.random(len(y)) < 0.7, y, rng.choice(NAMES, len(y)))
    for n in PREFIXES:
        found = measured(CLASSES, {"said": list(c[:n])}, list(y[:n]), {"said": list(c)}, list(y))
        options = {"average": None, "labels": NAMES, "zero_division": np.nan}
        for ours, theirs in (
            ("class_precision", metrics.precision_score),
            ("class_recall", metrics.recall_score),
            ("class_f1", metrics.f1_score),
        ):
            for name, true in zip(NAMES, theirs(y[:n], c[:n], **options), strict=True):
                if np.isnan(true):
                    assert found[ours, name].status is Status.UNDEFINED
                else:
                    assert held(found[ours, name]) == pytest.approx(true)


def by_list(scores: np.ndarray, grades: np.ndarray, lists: np.ndarray) -> dict[str, float]:
    """Means over lists with something relevant: NDCG and average precision from scikit-learn, the rest by hand."""
    values: dict[str, list[float]] = {
        "ndcg": [],
        "mean_average_precision": [],
        "mean_reciprocal_rank": [],
        "precision_at_10": [],
    }
    for one in np.unique(lists):
        s, g = scores[lists == one], grades[lists == one]
        if not g.any():
            continue
        order = np.argsort(-s)
        hits = g[order] > 0
        values["ndcg"].append(metrics.ndcg_score([g], [s], k=10) if len(g) > 1 else 1.0)
        values["mean_average_precision"].append(metrics.average_precision_score(g > 0, s))
        values["mean_reciprocal_rank"].append(1.0 / (1 + int(np.argmax(hits))))
        values["precision_at_10"].append(hits[:10].sum() / 10)
    return {name: float(np.mean(found)) for name, found in values.items()}


@pytest.mark.parametrize("seed", range(3))
def test_rankings_are_scikit_learns(seed: int) -> None:
    """Over lists of 1 to 30 rows whose rows come mixed, some of them with nothing relevant."""
    rng = np.random.default_rng(seed)
    lists = np.repeat(np.arange(150), rng.integers(1, 31, 150))
    rng.shuffle(lists)
    grades = np.where(rng.random(len(lists)) < 0.25, rng.integers(1, 4, len(lists)), 0)
    grades[lists % 7 == 0] = 0
    scores = grades + rng.normal(0, 1.5, len(lists))
    everything = {"s": scores, "q": [f"q{i}" for i in lists]}
    for n in (20, 100, 500, len(lists)):
        window = {"s": scores[:n], "q": [f"q{i}" for i in lists[:n]]}
        found = measured(RANKED, window, grades[:n], everything, grades)
        for name, true in by_list(scores[:n], grades[:n], lists[:n]).items():
            assert held(found[name, None]) == pytest.approx(true), name


def test_rows_of_one_request_are_a_list_where_no_query_is_declared() -> None:
    """Their places are within the request."""
    model = MonitoredModel("m", task="ranking", prediction=Prediction(score="s"), label=Label("grade"), metrics="all")
    made = rows({"s": [0.9, 0.5, 0.8, 0.1]}, label=[0, 1, 1, 0])
    made.id[:] = ["a", "a", "b", "b"]
    made.row[:], made.of[:] = [0, 1, 0, 1], 2
    baseline = build_baseline(made, model, time_ordered=False)
    found = {m.metric: m.value for m in measure(baseline, profile(made, baseline.grids, model), model)}
    assert found["mean_reciprocal_rank"].value == 0.75


def test_lists_that_wait_for_labels_are_left_out_and_told() -> None:
    """A list half of whose labels came would look better or worse than it is."""
    made = {"s": [0.9, 0.5, 0.8, 0.1, 0.3, 0.2], "q": list("aabbcc")}
    found = measured(RANKED, made, [0, 1, 1, None, 1, 0], made, [0, 1, 1, 0, 1, 0])
    assert found["mean_reciprocal_rank", None].value == 0.75
    assert found["mean_reciprocal_rank", None].reason == "2 lists; 1 wait for labels"
    nothing = measured(RANKED, made, [None] * 6, made, [0, 1, 1, 0, 1, 0])
    assert nothing["ndcg", None].status is Status.NO_DATA
    irrelevant = measured(RANKED, made, [0] * 6, made, [0, 1, 1, 0, 1, 0])
    assert irrelevant["ndcg", None].status is Status.UNDEFINED


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("", set()),
        ("a", {"a"}),
        ("a | b|a", {"a", "b"}),
        ('["a", "b|c", 1, 1.0]', {"a", "b|c", "1"}),
        ("[not json", {"[not json"}),
        ("[" * 10_000, {"[" * 10_000}),
        ("[[1], null, true]", {"true"}),
    ],
)
def test_a_set_is_read_from_its_text(text: str, labels: set[str]) -> None:
    """Whatever it holds."""
    assert labels_in(text) == labels


def test_intervals_of_sets_cover_the_populations_value() -> None:
    """In at least 92 % of 300 windows of 200 rows, whose labels hang together by rows."""
    rng = np.random.default_rng(5)

    def draw(n: int) -> tuple[np.ndarray, np.ndarray]:
        hard = rng.random((n, 1)) < 0.3
        true = rng.random((n, 4)) < [0.5, 0.3, 0.2, 0.1]
        return true, true ^ (rng.random((n, 4)) < np.where(hard, 0.4, 0.05))

    true, said = draw(200_000)
    wanted = {
        "f1_micro": metrics.f1_score(true, said, average="micro"),
        "f1_samples": metrics.f1_score(true, said, average="samples", zero_division=1.0),
        "hamming_loss": metrics.hamming_loss(true, said),
    }
    covered = dict.fromkeys(wanted, 0)
    baseline = build_baseline(rows({"said": told(said[:500])}, label=told(true[:500])), SETS, time_ordered=False)
    for _ in range(300):
        t, s = draw(200)
        tiles = profile(rows({"said": told(s)}, label=told(t)), baseline.grids, SETS)
        found = {m.metric: m.value for m in measure(baseline, tiles, SETS) if m.metric in wanted}
        for name, value in wanted.items():
            low, high = found[name].low, found[name].high
            covered[name] += low is not None and high is not None and low <= value <= high
    assert min(covered.values()) >= 276, covered
