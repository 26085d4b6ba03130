"""Evidently's HTML report of a window against the baseline, on demand, from their rows. Offline: nothing is sent or loaded.

The page carries its own scripts and fonts, and a content security policy under which a browser fetches nothing else.
"""

from __future__ import annotations

import html as escaping
from collections.abc import Mapping

from monitor.definitions import MonitoredModel
from monitor.errors import Fault, InvalidInput
from monitor.reports.evidently_frames import ROWS_MAX, Frame, Kind, has_values, inert, quiet, shared_columns, values_of
from monitor.tiles.rows import Rows
from monitor.tiles.sample import sample

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; connect-src 'none'; form-action 'none'; base-uri 'none'"
)
"""What the page may do: run what it carries. Any request of it, even of a map's outlines, is refused by the browser."""


def html(reference: Rows, current: Rows, model: MonitoredModel, rows: tuple[int, int] | None = None) -> bytes:
    """The page of Evidently's data drift and data summary presets. Raises InvalidInput where there is nothing to compare.

    A plain function of its arguments, for another process. At most ROWS_MAX rows of each side enter, chosen by their
    prediction ids; both sides may be samples already, of so many `rows`. The page's title says how many of how many
    entered, and which columns have no value on one side.
    """
    faults = [
        Fault(side, "no rows", "at least one row")
        for side, rows in (("reference", reference), ("current", current))
        if not len(rows)
    ]
    if faults:
        raise InvalidInput(faults)
    before, after = sample(reference, ROWS_MAX), sample(current, ROWS_MAX)
    kinds = shared_columns(before, after, model)
    sides = values_of(before, after, kinds)
    empty = [name for name in kinds if not all(has_values(side[name]) for side in sides)]
    kinds = {name: kind for name, kind in kinds.items() if name not in empty}
    if not kinds:
        found = ", ".join(current.columns) or "none"
        raise InvalidInput(Fault("columns", found, "a feature that both sides have, with values"))
    of_baseline, of_window = rows or (len(reference), len(current))
    title = f"{model.model}: {_counted(after, of_window)} of the window against {_counted(before, of_baseline)} of the baseline"
    if empty:
        title += "; without values on one side, so left out: " + ", ".join(empty)
    return _sealed(_rendered(sides, kinds), title).encode()


def _rendered(sides: tuple[Frame, Frame], kinds: Mapping[str, Kind]) -> str:
    with quiet():
        import pandas as pd  # noqa: PLC0415  (a second of start-up, for those who ask for a report)
        from evidently import DataDefinition, Dataset, Report  # noqa: PLC0415  (only after the telemetry is off)
        from evidently.presets import DataDriftPreset, DataSummaryPreset  # noqa: PLC0415  (the same)

        definition = DataDefinition(
            numerical_columns=[inert(name) for name, kind in kinds.items() if kind == "numeric"],
            categorical_columns=[inert(name) for name, kind in kinds.items() if kind == "categorical"],
        )
        current, reference = (
            Dataset.from_pandas(pd.DataFrame({inert(name): side[name] for name in kinds}), data_definition=definition)
            for side in sides
        )
        snapshot = Report([DataDriftPreset(), DataSummaryPreset()]).run(current, reference)
        return str(snapshot.get_html_str(as_iframe=False))


def _counted(entered: Rows, every: int) -> str:
    if len(entered) == every:
        return f"all {every:,} rows"
    return f"a sample of {len(entered):,} of {every:,} rows"


def _sealed(page: str, title: str) -> str:
    """The page with its title and its policy, and without the address of the map outlines that no report draws."""
    told = escaping.escape(title)
    head = f'<head><meta http-equiv="Content-Security-Policy" content="{POLICY}"><title>{told}</title>'
    heading = f'<body><h1 style="font: 500 1.25rem sans-serif; margin: 1rem">{told}</h1>'
    page = page.replace("<head>", head, 1).replace("<body>", heading, 1)
    return page.replace("https://cdn.plot.ly/", "about:blank")
