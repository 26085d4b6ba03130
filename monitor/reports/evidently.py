"""Evidently's HTML report of a window against the baseline, on demand, from their rows. Offline: nothing is sent or loaded.

Evidently reports usage to its makers unless DO_NOT_TRACK is set (any value), iterative-telemetry, its messenger, unless
ITERATIVE_DO_NOT_TRACK is; both are set before the first import, which therefore happens only here. The page carries
its own scripts and fonts, and a content security policy under which a browser fetches nothing else.
"""

from __future__ import annotations

import html as escaping
import os
import warnings
from typing import Any

import numpy as np

from monitor.definitions import MonitoredModel
from monitor.errors import Fault, InvalidInput
from monitor.tiles.coding import MISSING, encode, numbers
from monitor.tiles.rows import Column, Rows
from monitor.tiles.sample import sample

ROWS_MAX = 20_000
"""Rows of each side that enter the report: enough for its pictures, and a report takes seconds and about 100 MB."""
COLUMNS_MAX = 100
"""Columns of a report, the declared features first: each adds two interactive pictures to one page."""
CATEGORIES_MAX = 200
"""Categories of a column that are named, the baseline's most frequent; the others are shown as one."""
_OTHER = "(other)"

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; connect-src 'none'; form-action 'none'; base-uri 'none'"
)
"""What the page may do: run what it carries. Any request of it, even of a map's outlines, is refused by the browser."""


def html(reference: Rows, current: Rows, model: MonitoredModel) -> bytes:
    """The page of Evidently's data drift and data summary presets. Raises InvalidInput where there is nothing to compare.

    A plain function of its arguments, for a process pool. At most ROWS_MAX rows of each side enter, chosen by their
    prediction ids; the page's title says how many of how many.
    """
    faults = [
        Fault(side, "no rows", "at least one row")
        for side, rows in (("reference", reference), ("current", current))
        if not len(rows)
    ]
    numeric, categorical = _shared_columns(reference, current, model)
    if not faults and not numeric and not categorical:
        faults.append(Fault("columns", ", ".join(current.columns) or "none", "a feature that both sides have"))
    if faults:
        raise InvalidInput(faults)
    before, after = sample(reference, ROWS_MAX), sample(current, ROWS_MAX)
    page = _rendered(before, after, numeric, categorical)
    title = (
        f"{model.model}: {_counted(after, current)} of the window against {_counted(before, reference)} of the baseline"
    )
    return _sealed(page, title).encode()


def _shared_columns(reference: Rows, current: Rows, model: MonitoredModel) -> tuple[list[str], list[str]]:
    """Numeric and categorical columns to compare: declared features, then the prediction's columns."""
    numeric: list[str] = []
    categorical: list[str] = []
    for name in dict.fromkeys([*(f.name for f in model.features), *model.prediction.columns]):
        if name not in reference.columns or name not in current.columns or len(numeric + categorical) >= COLUMNS_MAX:
            continue
        kind = model.kind_of(name) or _guess(name, reference.columns[name], model)
        if kind in ("categorical", "boolean"):
            categorical.append(name)
        elif kind == "numeric":
            numeric.append(name)
    return numeric, categorical


def _guess(name: str, column: Column, model: MonitoredModel) -> str | None:
    if name == model.prediction.class_:
        return "categorical"
    if column.values.ndim > 1:
        return None
    return "numeric" if column.values.dtype.kind in "iuf" else "categorical"


def _rendered(before: Rows, after: Rows, numeric: list[str], categorical: list[str]) -> str:
    os.environ["DO_NOT_TRACK"] = "1"
    os.environ["ITERATIVE_DO_NOT_TRACK"] = "1"
    # Divisions by an empty cell and deprecations inside Evidently are its own: the page says what it could not compute.
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        import pandas as pd  # noqa: PLC0415  (a second of start-up, for those who ask for a report)
        from evidently import DataDefinition, Dataset, Report  # noqa: PLC0415  (only after the telemetry is off)
        from evidently.presets import DataDriftPreset, DataSummaryPreset  # noqa: PLC0415

        definition = DataDefinition(numerical_columns=numeric, categorical_columns=categorical)
        known = {name: _frequent(before.columns[name]) for name in categorical}
        sides = [
            Dataset.from_pandas(
                pd.DataFrame(
                    {name: _numbers(rows.columns[name]) for name in numeric}
                    | {name: _names(rows.columns[name], known[name]) for name in categorical}
                ),
                data_definition=definition,
            )
            for rows in (after, before)
        ]
        snapshot = Report([DataDriftPreset(), DataSummaryPreset()]).run(*sides)
        return str(snapshot.get_html_str(as_iframe=False))


def _numbers(column: Column) -> Any:
    values, missing = numbers(column)
    values = values if missing is None else np.where(missing, np.nan, values)
    # Evidently's histograms refuse infinities; as missing they stay visible in its summary.
    return np.where(np.isfinite(values), values, np.nan)


def _frequent(column: Column) -> tuple[str, ...]:
    coded = encode(column, ())
    counts = np.bincount(coded.codes[coded.codes >= 1] - 1, minlength=len(coded.unseen))
    return tuple(coded.unseen[i] for i in np.argsort(-counts, kind="stable")[:CATEGORIES_MAX].tolist())


def _names(column: Column, known: tuple[str, ...]) -> Any:
    """Canonical categories as objects, None for a missing one; new and rare ones under one name."""
    codes = encode(column, known).codes
    table = np.array([*known, _OTHER, None], dtype=object)
    return table[np.where(codes == MISSING, len(known) + 1, np.minimum(codes, len(known)))]


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
