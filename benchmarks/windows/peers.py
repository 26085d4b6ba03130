"""The peers, in an environment of their own: a worker that does one turn of a contender for each line it reads.

Started by `run.py`, which makes the environment. A line in is `prepare NAME ROWS COLUMNS` or `turn NAME`; a line out is the
seconds of a turn, or `! reason`. So the peers take turns with Outrider, and what else the machine does slows all alike.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Callable

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
# Read by the peers at their import: nothing is sent.
os.environ["DO_NOT_TRACK"] = os.environ["ITERATIVE_DO_NOT_TRACK"] = os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"

import numpy as np
from data import BASELINE_ROWS, ESTIMATED_GROUPS, GROUPS, LABELLED_ROWS, drawn, predicted, scored

Turn = Callable[[], object]


def nannyml_drift(rows: int, columns: int) -> Turn:
    """Fitted before: `calculate` on one chunk, with its defaults."""
    nannyml, pandas = importlib.import_module("nannyml"), importlib.import_module("pandas")
    before, now = pandas.DataFrame(drawn(BASELINE_ROWS, columns, 1)), pandas.DataFrame(drawn(rows, columns, 2))
    calculator = nannyml.UnivariateDriftCalculator(column_names=list(before), chunk_size=rows)
    calculator.fit(pandas.concat([before] * -(-2 * rows // BASELINE_ROWS), ignore_index=True)[: 2 * rows])
    return lambda: calculator.calculate(now).to_df()


def evidently_drift(rows: int, columns: int) -> Turn:
    """Its drift preset with its defaults."""
    pandas, evidently = importlib.import_module("pandas"), importlib.import_module("evidently")
    presets = importlib.import_module("evidently.presets")
    before, now = pandas.DataFrame(drawn(BASELINE_ROWS, columns, 1)), pandas.DataFrame(drawn(rows, columns, 2))
    return lambda: evidently.Report([presets.DataDriftPreset()]).run(now, before).dict()


def sklearn(rows: int, _: int) -> Turn:
    """The same numbers, function by function, and the confusion of every group."""
    m = importlib.import_module("sklearn.metrics")
    score, label, group = scored(rows, 3)
    said = (score >= 0.5).astype(np.int64)

    def run() -> object:
        whole = [f(label, said) for f in (m.accuracy_score, m.f1_score, m.precision_score, m.recall_score)]
        ranked = [f(label, score) for f in (m.roc_auc_score, m.log_loss, m.brier_score_loss, m.average_precision_score)]
        return whole, ranked, [m.confusion_matrix(label[group == g], said[group == g]) for g in range(GROUPS)]

    return run


def evidently_classes(rows: int, _: int) -> Turn:
    """Its classification preset."""
    pandas, evidently = importlib.import_module("pandas"), importlib.import_module("evidently")
    presets = importlib.import_module("evidently.presets")
    score, label, _group = scored(rows, 3)
    frame = pandas.DataFrame({"y": label, "said": (score >= 0.5).astype(int), "p": score})
    roles = evidently.DataDefinition(
        classification=[evidently.BinaryClassification(target="y", prediction_labels="said", prediction_probas="p")],
        numerical_columns=["p"],
        categorical_columns=["y", "said"],
    )
    dataset = evidently.Dataset.from_pandas
    return lambda: evidently.Report([presets.ClassificationPreset()]).run(dataset(frame, roles), None).dict()


def nannyml_estimation(rows: int, _: int) -> Turn:
    """Fitted before, for all rows and for each group: `estimate` on one chunk."""
    nannyml, pandas = importlib.import_module("nannyml"), importlib.import_module("pandas")
    before, now = pandas.DataFrame(predicted(LABELLED_ROWS, 1)), pandas.DataFrame(predicted(rows, 2))

    def fitted(frame: object) -> object:
        return nannyml.CBPE(
            problem_type="classification_binary",
            y_pred_proba="p",
            y_pred="yhat",
            y_true="y",
            metrics=["accuracy", "f1", "precision", "recall", "roc_auc"],
            chunk_number=1,
        ).fit(frame)

    groups = range(ESTIMATED_GROUPS)
    parts = [(fitted(before), now), *((fitted(before[before.g == g]), now[now.g == g]) for g in groups)]
    return lambda: [cbpe.estimate(frame) for cbpe, frame in parts]


PEERS = {
    "NannyML": nannyml_drift,
    "Evidently": evidently_drift,
    "scikit-learn": sklearn,
    "Evidently's classification preset": evidently_classes,
    "NannyML's CBPE": nannyml_estimation,
}


def main() -> None:
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the peers print goes elsewhere
    ready: dict[str, Turn] = {}
    sizes_of: dict[str, list[str]] = {}
    for line in sys.stdin:
        what, name, *sizes = line.rstrip("\n").split("\t")
        try:
            if what == "prepare":
                # What is there has been warmed up as well: some turns take half a minute.
                if sizes_of.get(name) == sizes:
                    print(0.0, file=out, flush=True)
                    continue
                ready[name], sizes_of[name] = PEERS[name](*map(int, sizes)), sizes
            start = time.perf_counter()
            ready[name]()
            answer = repr(time.perf_counter() - start)
        except Exception as error:  # noqa: BLE001  a peer may fail in any way; the reason goes into the table
            answer = f"! {type(error).__name__}: {error}".replace("\n", " ")[:200]
        print(answer, file=out, flush=True)


if __name__ == "__main__":
    main()
