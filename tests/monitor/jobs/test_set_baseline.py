"""What a baseline learns of how its rows depend on each other."""

import numpy as np

from monitor.definitions import Feature, MonitoredModel
from monitor.jobs.set_baseline import build_baseline
from monitor.tiles.rows import Column, Rows
from tests.monitor.tiles.samples import rows

N = 2_000


def baseline_effect(found: Rows, *features: Feature) -> float:
    model = MonitoredModel("m", features=features)
    effects = build_baseline(found, model, time_ordered=True).design_effects
    return 1.0 if effects is None else effects.effects[-1]


def with_vector(values: np.ndarray) -> Rows:
    found = rows({"age": np.random.default_rng(1).normal(size=N)})
    return Rows(
        found.time_ns, found.id, found.row, found.of, {**found.columns, "emb": Column(values.astype(np.float32))}
    )


def test_texts_and_timestamps_say_nothing_of_dependence() -> None:
    """Each value of them is new: taken for categories they would seem to follow one another without end."""
    found = rows(
        {
            "age": np.random.default_rng(0).normal(size=N),
            "note": [f"note {i}" for i in range(N)],
            "when": [i * 10**9 for i in range(N)],
        }
    )
    features = (Feature("age", "numeric"), Feature("note", "text"), Feature("when", "timestamp"))
    assert baseline_effect(found, *features) == baseline_effect(found, features[0]) < 3


def test_vectors_that_follow_each_other_are_seen() -> None:
    """A walk along one coordinate, beside an independent number; independent vectors add nothing."""
    rng = np.random.default_rng(2)
    free = rng.normal(size=(N, 4))
    slow = free.copy()
    slow[:, 0] = 5 * np.sin(np.arange(N) / 100)
    features = (Feature("age", "numeric"), Feature("emb", "vector"))
    assert baseline_effect(with_vector(slow), *features) > 10
    assert baseline_effect(with_vector(free), *features) < 3
