"""The demo's world: applicants for credit, a model trained on them, and a campaign that brings others.

Everything is drawn from a generator that the caller owns. Until the campaign, applicants are like those the model was
trained on. The campaign brings students: young, with little income, and with parents who stand surety, so that they repay
far more often than the model, which saw few of them, expects. So the inputs drift, the predictions with them, and the
labels show that the model got worse.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

NUMBERS = ("age", "income", "debt_ratio", "account_years")
NAMES = ("employment", "region")
GROUP = "sex"
TRAINING_ROWS = 12_000
BASELINE_ROWS = 20_000
TREES = 40
STUDENTS_AT_TRAINING = 0.04
STUDENTS_IN_CAMPAIGN = 0.45


@dataclass(frozen=True, slots=True)
class Applicants:
    """`inputs` holds the model's features and the group; `repaid` is the truth, known later."""

    inputs: pd.DataFrame
    repaid: npt.NDArray[np.int64]


def applicants(rng: np.random.Generator, rows: int, *, campaign: bool = False) -> Applicants:
    students = rng.random(rows) < (STUDENTS_IN_CAMPAIGN if campaign else STUDENTS_AT_TRAINING)
    age = np.where(students, rng.normal(22, 2, rows), rng.normal(44, 12, rows)).clip(18, 85).round()
    income = np.exp(np.where(students, rng.normal(9.4, 0.4, rows), rng.normal(10.5, 0.5, rows))).round()
    debt_ratio = rng.beta(2, 5, rows).round(4)
    account_years = np.minimum(rng.gamma(2.0, 3.0, rows), (age - 17) / 1.5).round(1)
    work = rng.choice(["salaried", "self-employed", "retired", "public"], p=[0.55, 0.15, 0.12, 0.18], size=rows)
    frame = pd.DataFrame(
        {
            "age": age,
            "income": income,
            "debt_ratio": debt_ratio,
            "account_years": account_years,
            "employment": np.where(students, "student", work),
            "region": rng.choice(["north", "south", "east", "west"], p=[0.3, 0.3, 0.2, 0.2], size=rows),
            "sex": rng.choice(["female", "male"], size=rows),
        }
    )
    logit = (
        0.9
        + 1.1 * (np.log(income) - 10.4)
        - 3.2 * (debt_ratio - 0.28)
        + 0.09 * (account_years - 5)
        + 0.012 * (age - 44)
    )
    # What a low income says of a borrower, it does not say of these: somebody else pays if they cannot.
    logit = np.where(students & campaign, 1.4 + 0.5 * rng.normal(size=rows), logit)
    repaid = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(np.int64)
    return Applicants(frame, repaid)


def train(rng: np.random.Generator, path: Path) -> None:
    """Train the credit model and write it as ONNX: one input a feature, outputs `label` and `probabilities`."""
    known = applicants(rng, TRAINING_ROWS)
    encoder = ColumnTransformer(
        [("names", OneHotEncoder(handle_unknown="ignore", sparse_output=False), list(NAMES))], remainder="passthrough"
    )
    seed = int(rng.integers(2**31))
    model = make_pipeline(encoder, GradientBoostingClassifier(n_estimators=TREES, max_depth=3, random_state=seed))
    model.fit(known.inputs[[*NUMBERS, *NAMES]], known.repaid)
    inputs = [(name, FloatTensorType([None, 1])) for name in NUMBERS] + [
        (name, StringTensorType([None, 1])) for name in NAMES
    ]
    onnx = to_onnx(model, initial_types=inputs, options={id(model): {"zipmap": False}})
    path.write_bytes(onnx.SerializeToString())


DECLARATION = """\
model: credit
task: binary
owner: demo
features:
  age: numeric
  income: numeric
  debt_ratio: numeric
  account_years: numeric
  employment: categorical
  region: categorical
prediction: {{score: p_repaid, class: repaid_class}}
label: {{name: repaid, positive: 1}}
groups: [sex]
windows: [{{every: 5s, lateness: 2s}}]
false_alarms_per_month: 1
explain: {{onnx: {onnx}, sample: 20, background: 40}}
receivers: [{{webhook: "{webhook}"}}]
"""


def declaration(onnx: Path, webhook: str) -> str:
    """The model's declaration, as a user would write it."""
    return DECLARATION.format(onnx=onnx, webhook=webhook)
