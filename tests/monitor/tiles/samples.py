"""A small language for rows, so that tests of tiles and metrics read as what they are about."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from monitor.definitions import Label, MonitoredModel, Prediction
from monitor.tiles.rows import Column, Rows

BINARY = MonitoredModel(
    "income", task="binary", prediction=Prediction(score="p", class_="yhat"), label=Label("y", 1), groups=("sex",)
)


def column(values: Any) -> Column:
    """A column of an array or a list; None marks what is missing."""
    if isinstance(values, np.ndarray) and values.dtype.kind != "O":
        return Column(values)
    plain = list(values)
    missing = np.array([value is None for value in plain], np.bool_)
    kinds = {type(value) for value in plain if value is not None}
    if kinds <= {bool}:
        array: np.ndarray[Any, Any] = np.array([bool(value) for value in plain], np.bool_)
    elif kinds <= {int}:
        array = np.array([value or 0 for value in plain], np.int64)
    elif kinds <= {int, float}:
        array = np.array([0.0 if value is None else value for value in plain], np.float64)
    else:
        array = np.empty(len(plain), object)
        array[:] = plain
    return Column(array, missing if missing.any() else None)


def rows(columns: Mapping[str, Any], label: Any = None, start: int = 0) -> Rows:
    """Rows one second apart from second `start` on, with ids that sort with them."""
    built = {name: column(values) for name, values in columns.items()}
    n = len(next(iter(built.values())))
    ids = np.empty(n, object)
    ids[:] = [f"p{start + i:08d}" for i in range(n)]
    return Rows(
        time_ns=(np.arange(n, dtype=np.int64) + start) * 10**9,
        id=ids,
        row=np.zeros(n, np.int32),
        of=np.ones(n, np.int32),
        columns=built,
        label=None if label is None else column(label),
    )


def mixed(rng: np.random.Generator, n: int, start: int = 0) -> Rows:
    """Rows with every kind of column, holes in each, outputs, late labels and a group."""
    x = rng.normal(size=n)
    x[rng.random(n) < 0.05] = np.nan
    x[rng.random(n) < 0.02] = np.inf
    score = rng.random(n)
    label: Sequence[object] = [
        int(v) if k else None for v, k in zip(rng.random(n) < score, rng.random(n) < 0.8, strict=True)
    ]
    return rows(
        {
            "x": x,
            "amount": np.exp(2 * rng.normal(size=n)),
            "rooms": rng.integers(1, 7, n),
            "colour": [
                None if r < 0.1 else str(c)
                for r, c in zip(rng.random(n), rng.choice(["red", "green", "blue"], n), strict=True)
            ],
            "flag": rng.random(n) < 0.3,
            "note": [f"free text number {i} of somebody" for i in rng.integers(0, 10**9, n)],
            "sex": rng.choice(["F", "M"], n, p=[0.4, 0.6]).astype(object),
            "p": score,
            "yhat": (score > 0.4).astype(np.int64),
        },
        label=label,
        start=start,
    )
