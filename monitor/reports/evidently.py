"""Evidently's HTML report of a window against the baseline, on demand, from their rows. Offline: nothing is sent or loaded.

Evidently reports usage to its makers unless DO_NOT_TRACK is set (any value), iterative-telemetry, its messenger, unless
ITERATIVE_DO_NOT_TRACK is; both are set before the first import, which therefore happens only here. The page carries
its own scripts and fonts, and a content security policy under which a browser fetches nothing else.
"""

from __future__ import annotations

import html as escaping
import os
import warnings
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from monitor.definitions import MonitoredModel
from monitor.errors import Fault, InvalidInput
from monitor.tiles.coding import MISSING, encode, numbers
from monitor.tiles.plain import TEXT_CHARS_MAX
from monitor.tiles.rows import Column, Rows
from monitor.tiles.sample import sample

ROWS_MAX = 20_000
"""Rows of each side that enter the report: enough for its pictures, and a report takes seconds and about 250 MB."""
COLUMNS_MAX = 100
"""Columns of a report, the declared features first: each adds two interactive pictures to one page."""
CATEGORIES_MAX = 200
"""Categories of a column that are named, the baseline's most frequent; the others are shown as one."""
_OTHER = "(other)"

Kind = Literal["numeric", "categorical"]
Frame = dict[str, npt.NDArray[Any]]

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; connect-src 'none'; form-action 'none'; base-uri 'none'"
)
"""What the page may do: run what it carries. Any request of it, even of a map's outlines, is refused by the browser."""


def html(reference: Rows, current: Rows, model: MonitoredModel) -> bytes:
    """The page of Evidently's data drift and data summary presets. Raises InvalidInput where there is nothing to compare.

    A plain function of its arguments, for a process pool. At most ROWS_MAX rows of each side enter, chosen by their
    prediction ids; the page's title says how many of how many, and which columns have no value on one side.
    """
    faults = [
        Fault(side, "no rows", "at least one row")
        for side, rows in (("reference", reference), ("current", current))
        if not len(rows)
    ]
    if faults:
        raise InvalidInput(faults)
    before, after = sample(reference, ROWS_MAX), sample(current, ROWS_MAX)
    kinds = _shared_columns(before, after, model)
    sides = _values(before, after, kinds)
    empty = [name for name in kinds if not all(_any(side[name]) for side in sides)]
    kinds = {name: kind for name, kind in kinds.items() if name not in empty}
    if not kinds:
        found = ", ".join(current.columns) or "none"
        raise InvalidInput(Fault("columns", found, "a feature that both sides have, with values"))
    title = (
        f"{model.model}: {_counted(after, current)} of the window against {_counted(before, reference)} of the baseline"
    )
    if empty:
        title += "; without values on one side, so left out: " + ", ".join(empty)
    return _sealed(_rendered(sides, kinds), title).encode()


def _shared_columns(reference: Rows, current: Rows, model: MonitoredModel) -> dict[str, Kind]:
    """The columns to compare: declared features, then the prediction's columns."""
    kinds: dict[str, Kind] = {}
    for name in dict.fromkeys([*(f.name for f in model.features), *model.prediction.columns]):
        if name not in reference.columns or name not in current.columns or len(kinds) >= COLUMNS_MAX:
            continue
        kind = model.kind_of(name) or _guess(name, reference.columns[name], model)
        if kind in ("numeric", "categorical", "boolean"):
            kinds[name] = "numeric" if kind == "numeric" else "categorical"
    return kinds


def _values(before: Rows, after: Rows, kinds: Mapping[str, Kind]) -> tuple[Frame, Frame]:
    """The columns of both sides, the window's first: numbers, or names of categories with None for a missing one."""
    sides: tuple[Frame, Frame] = ({}, {})
    for name, kind in kinds.items():
        known = _frequent(before.columns[name]) if kind == "categorical" else ()
        for side, rows in zip(sides, (after, before), strict=True):
            column = rows.columns[name]
            side[name] = _numbers(column) if kind == "numeric" else _names(column, known)
    return sides


def _any(values: npt.NDArray[Any]) -> bool:
    return bool(np.isfinite(values).any() if values.dtype.kind == "f" else (values != None).any())  # noqa: E711


def _guess(name: str, column: Column, model: MonitoredModel) -> str | None:
    if name == model.prediction.class_:
        return "categorical"
    if column.values.ndim > 1:
        return None
    return "numeric" if column.values.dtype.kind in "iuf" else "categorical"


def _rendered(sides: tuple[Frame, Frame], kinds: Mapping[str, Kind]) -> str:
    os.environ["DO_NOT_TRACK"] = "1"
    os.environ["ITERATIVE_DO_NOT_TRACK"] = "1"
    # Divisions by an empty cell and deprecations inside Evidently are its own: the page says what it could not compute.
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        import pandas as pd  # noqa: PLC0415  (a second of start-up, for those who ask for a report)
        from evidently import DataDefinition, Dataset, Report  # noqa: PLC0415  (only after the telemetry is off)
        from evidently.presets import DataDriftPreset, DataSummaryPreset  # noqa: PLC0415

        definition = DataDefinition(
            numerical_columns=[_inert(name) for name, kind in kinds.items() if kind == "numeric"],
            categorical_columns=[_inert(name) for name, kind in kinds.items() if kind == "categorical"],
        )
        current, reference = (
            Dataset.from_pandas(pd.DataFrame({_inert(name): side[name] for name in kinds}), data_definition=definition)
            for side in sides
        )
        snapshot = Report([DataDriftPreset(), DataSummaryPreset()]).run(current, reference)
        return str(snapshot.get_html_str(as_iframe=False))


def _numbers(column: Column) -> npt.NDArray[np.float64]:
    values, missing = numbers(column)
    values = values if missing is None else np.where(missing, np.nan, values)
    # Evidently's histograms refuse infinities; as missing they stay visible in its summary.
    return np.where(np.isfinite(values), values, np.nan)


def _frequent(column: Column) -> tuple[str, ...]:
    coded = encode(column, ())
    counts = np.bincount(coded.codes[coded.codes >= 1] - 1, minlength=len(coded.unseen))
    return tuple(coded.unseen[i] for i in np.argsort(-counts, kind="stable")[:CATEGORIES_MAX].tolist())


def _names(column: Column, known: tuple[str, ...]) -> npt.NDArray[np.object_]:
    """Canonical categories as objects, None for a missing one; new and rare ones under one name."""
    codes = encode(column, known).codes
    table = np.array([*map(_inert, known), _OTHER, None], dtype=object)
    return table[np.where(codes == MISSING, len(known) + 1, np.minimum(codes, len(known)))]


def _inert(text: str) -> str:
    """A text that cannot end the script that Evidently writes it into unescaped: `<` becomes `‹`, the length is bounded."""
    return text[:TEXT_CHARS_MAX].replace("<", "‹")


def _counted(entered: Rows, every: Rows) -> str:
    if len(entered) == len(every):
        return f"all {len(every):,} rows"
    return f"a sample of {len(entered):,} of {len(every):,} rows"


def _sealed(page: str, title: str) -> str:
    """The page with its title and its policy, and without the address of the map outlines that no report draws."""
    told = escaping.escape(title)
    head = f'<head><meta http-equiv="Content-Security-Policy" content="{POLICY}"><title>{told}</title>'
    heading = f'<body><h1 style="font: 500 1.25rem sans-serif; margin: 1rem">{told}</h1>'
    page = page.replace("<head>", head, 1).replace("<body>", heading, 1)
    return page.replace("https://cdn.plot.ly/", "about:blank")
