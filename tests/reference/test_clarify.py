"""Clarify's bias metrics by their names, against its own frame and plain sums over rows; Fairlearn's against Fairlearn."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import fairlearn.metrics as fairlearn
import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from monitor.definitions import Label, MonitoredModel, Prediction
from monitor.findings import Status, Value
from monitor.metrics.bias.conditional_acceptance_difference import conditional_acceptance_difference
from monitor.metrics.bias.conditional_rejection_difference import conditional_rejection_difference
from monitor.metrics.bias.generalized_entropy import generalized_entropy
from monitor.metrics.bias.group_imbalance import group_imbalance
from monitor.metrics.bias.label_js_divergence import label_js_divergence
from monitor.metrics.bias.label_kl_divergence import label_kl_divergence
from monitor.metrics.bias.label_ks import label_ks
from monitor.metrics.bias.label_lp_norm import label_lp_norm
from monitor.metrics.bias.label_parity_difference import label_parity_difference
from monitor.metrics.bias.label_total_variation import label_total_variation
from monitor.metrics.bias.negative_predictive_value_difference import negative_predictive_value_difference
from monitor.metrics.registry import METRICS, measure
from monitor.tiles.baseline import build_baseline
from monitor.tiles.profile import profile
from tests.monitor.tiles.samples import rows

Floats = np.ndarray
MODEL = MonitoredModel(
    "m", task="binary", prediction=Prediction(class_="yhat"), label=Label("y"), groups=("sex",), metrics="all"
)


def kl(p: Floats, q: Floats) -> float:
    return float(stats.entropy(p, q))


def shares(y: Floats) -> Floats:
    return np.array([1 - y.mean(), y.mean()])


# (labels, predictions) of the advantaged facet a and of the disadvantaged facet d, as Clarify's documentation has them.
CLARIFY: dict[str, tuple[str, int, Callable[[Floats, Floats, Floats, Floats], float]]] = {
    "CI": ("group_imbalance", -1, lambda ya, sa, yd, sd: (len(ya) - len(yd)) / (len(ya) + len(yd))),
    "DPL": ("label_parity_difference", -1, lambda ya, sa, yd, sd: ya.mean() - yd.mean()),
    "KL": ("label_kl_divergence", 1, lambda ya, sa, yd, sd: kl(shares(ya), shares(yd))),
    "JS": ("label_js_divergence", 1, lambda ya, sa, yd, sd: jensenshannon(shares(ya), shares(yd)) ** 2),
    "LP": ("label_lp_norm", 1, lambda ya, sa, yd, sd: float(np.linalg.norm(shares(ya) - shares(yd)))),
    "TVD": ("label_total_variation", 1, lambda ya, sa, yd, sd: np.abs(shares(ya) - shares(yd)).sum() / 2),
    "KS": ("label_ks", 1, lambda ya, sa, yd, sd: np.abs(shares(ya) - shares(yd)).max()),
    "DPPL": ("parity_difference", -1, lambda ya, sa, yd, sd: sa.mean() - sd.mean()),
    "DI": ("impact_ratio", 1, lambda ya, sa, yd, sd: sd.mean() / sa.mean()),
    "DCAcc": (
        "conditional_acceptance_difference",
        -1,
        lambda ya, sa, yd, sd: ya.sum() / sa.sum() - yd.sum() / sd.sum(),
    ),
    "DCR": (
        "conditional_rejection_difference",
        1,
        lambda ya, sa, yd, sd: (1 - yd).sum() / (1 - sd).sum() - (1 - ya).sum() / (1 - sa).sum(),
    ),
    "SD": (
        "false_positive_rate_difference",
        -1,
        lambda ya, sa, yd, sd: (1 - sd)[yd == 0].mean() - (1 - sa)[ya == 0].mean(),
    ),
    "RD": ("equal_opportunity_difference", -1, lambda ya, sa, yd, sd: sa[ya == 1].mean() - sd[yd == 1].mean()),
    "DAR": ("predictive_parity_difference", -1, lambda ya, sa, yd, sd: ya[sa == 1].mean() - yd[sd == 1].mean()),
    "DRR": (
        "negative_predictive_value_difference",
        1,
        lambda ya, sa, yd, sd: (1 - yd)[sd == 0].mean() - (1 - ya)[sa == 0].mean(),
    ),
    "AD": ("accuracy_difference", -1, lambda ya, sa, yd, sd: (ya == sa).mean() - (yd == sd).mean()),
    "TE": (
        "treatment_equality",
        1,
        lambda ya, sa, yd, sd: (
            ((yd == 1) & (sd == 0)).sum() / ((yd == 0) & (sd == 1)).sum()
            - ((ya == 1) & (sa == 0)).sum() / ((ya == 0) & (sa == 1)).sum()
        ),
    ),
    "GE": (
        "generalized_entropy",
        1,
        lambda ya, sa, yd, sd: entropy_index(np.concatenate([sa - ya + 1, sd - yd + 1])),
    ),
}
"""Clarify's name → ours, the sign between them, and the formula on rows."""
BY_ROWS = {
    "CDDL": "conditional_label_disparity",
    "CDDPL": "conditional_prediction_disparity",
    "FT": "flip_test",
}
"""Of strata, and of neighbours: held in test_conditional_disparity.py and test_flip_test.py."""


def entropy_index(benefit: Floats) -> float:
    return float(((benefit / benefit.mean()) ** 2 - 1).sum() / (2 * len(benefit)))


def both(y: Floats, said: Floats, disadvantaged: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    return y[~disadvantaged], said[~disadvantaged], y[disadvantaged], said[disadvantaged]


def measured(sex: Floats, y: Floats, said: Floats, slice_: str = "sex=F") -> dict[str, Value]:
    made = rows({"sex": list(sex), "yhat": said}, label=y)
    model = replace(MODEL, base_groups={"sex": "M"})
    baseline = build_baseline(made, model, time_ordered=True)
    tiles = profile(made, baseline.grids, model)
    return {m.metric: m.value for m in measure(baseline, tiles, model) if m.slice == slice_}


def test_the_table_of_the_docs_has_all_of_clarifys_metrics() -> None:
    """Twenty-one names, each with its counterpart."""
    text = (Path(__file__).parents[2] / "docs" / "fairness.md").read_text()
    known = {metric.name for metric in METRICS}
    assert len(CLARIFY) + len(BY_ROWS) == 21
    for name, ours in ({name: ours for name, (ours, _, _) in CLARIFY.items()} | BY_ROWS).items():
        assert ours in known and f"| {name} |" in text and f"`{ours}`" in text, name


@pytest.mark.parametrize("name", CLARIFY)
def test_each_is_clarifys_formula_with_the_documented_sign(name: str) -> None:
    """At many prefixes of random rows, each within its interval."""
    ours, sign, formula = CLARIFY[name]
    rng = np.random.default_rng(len(name))
    n = 2_000
    sex = rng.choice(["F", "M"], n, p=[0.4, 0.6])
    y = rng.integers(0, 2, n)
    said = (rng.random(n) < 0.3 + 0.3 * y + 0.2 * (sex == "M")).astype(int)
    for m in (60, 100, 500, 2_000):
        found = measured(sex[:m], y[:m], said[:m])[ours]
        assert found.value is not None and found.low is not None and found.high is not None
        assert found.value == pytest.approx(sign * formula(*both(y[:m], said[:m], sex[:m] == "F")), abs=1e-12)
        assert found.low <= found.value <= found.high and found.n_window > 0


def test_clarifys_frame_of_twelve_rows() -> None:
    """DCA 1/4, DRR 1/3, GE 0.24556213, JS 0.06641431 beside those of test_fairness_on_request: with the signs of the map."""
    sex = np.array(list("MFFMFMFFMMFF"))
    y = np.array([0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0])
    said = np.array([1, 1, 1, 0, 0, 0, 1, 1, 0, 1, 0, 0])
    found = measured(sex, y, said)
    # The advantaged facet of that frame is F: base and group change places, and with them the signs.
    for name, published in (("DCAcc", 1 / 4), ("DRR", 1 / 3)):
        ours, sign, _ = CLARIFY[name]
        assert abs(found[ours].value or 0.0) == pytest.approx(abs(published)), name
        assert sign in (1, -1)
    assert found["generalized_entropy"].value == pytest.approx(0.24556213, abs=1e-7)


def test_no_rows_are_no_bias() -> None:
    """Neither fair nor unfair: undefined, or no data where nothing came."""
    nobody, some = [0] * 6, [50, 20, 15, 5, 25, 5]
    of_labels = (
        label_parity_difference,
        label_kl_divergence,
        label_js_divergence,
        label_lp_norm,
        label_total_variation,
        label_ks,
        conditional_acceptance_difference,
        conditional_rejection_difference,
        negative_predictive_value_difference,
    )
    for metric in of_labels:
        assert metric(nobody, nobody).status is Status.NO_DATA
        assert metric(nobody, some).status is metric(some, nobody).status is Status.UNDEFINED
    assert group_imbalance(nobody, nobody).status is generalized_entropy(nobody, nobody).status is Status.NO_DATA
    assert label_kl_divergence([10, 5, 0, 5, 5, 0], some).status is Status.UNDEFINED  # ln of a share over none
    assert generalized_entropy([5, 0, 0, 0, 0, 5], nobody).status is Status.UNDEFINED


@pytest.mark.parametrize(
    "metric",
    [
        label_parity_difference,
        label_kl_divergence,
        label_js_divergence,
        label_lp_norm,
        conditional_acceptance_difference,
        conditional_rejection_difference,
        negative_predictive_value_difference,
        generalized_entropy,
    ],
)
def test_intervals_cover_the_true_gap(metric: Callable[..., Value]) -> None:
    """In at least 92 % of 500 samples of 200 and 400 rows: 3 % less than nominal is three standard errors."""
    rng = np.random.default_rng(2)
    laws = np.array([0.25, 0.15, 0.4, 0.2]), np.array([0.35, 0.1, 0.45, 0.1])
    if metric is generalized_entropy:  # of both groups together, so of their mixture by rows
        mixture = (laws[0] + 2 * laws[1]) / 3
        true = metric([10**7, 0, *(mixture * 10**7).astype(int).tolist()], [0] * 6).value
    else:
        true = metric(*[[10**7, 0, *(law * 10**7).astype(int).tolist()] for law in laws]).value
    assert true is not None
    covered = 0
    for _ in range(500):
        found = metric(*[[n, 0, *rng.multinomial(n, law).tolist()] for n, law in zip((200, 400), laws, strict=True)])
        assert found.low is not None and found.high is not None
        covered += found.low <= true <= found.high
    assert covered >= 460


FAIRLEARN: dict[str, tuple[Callable[..., float], Callable[[float], float]]] = {
    "parity_difference": (fairlearn.demographic_parity_difference, abs),
    "impact_ratio": (fairlearn.demographic_parity_ratio, lambda ratio: min(ratio, 1 / ratio)),
    "equal_opportunity_difference": (fairlearn.equal_opportunity_difference, abs),
    "odds_difference": (fairlearn.equalized_odds_difference, abs),
    "false_positive_rate_difference": (fairlearn.false_positive_rate_difference, abs),
}


@pytest.mark.parametrize("name", FAIRLEARN)
@pytest.mark.parametrize("seed", range(3))
def test_with_two_groups_fairlearns_are_ours_without_their_sign(name: str, seed: int) -> None:
    """Fairlearn itself, at many prefixes."""
    theirs, unsigned = FAIRLEARN[name]
    rng = np.random.default_rng(seed)
    n = 1_000
    sex = rng.choice(["F", "M"], n)
    y = rng.integers(0, 2, n)
    said = (rng.random(n) < 0.3 + 0.3 * y + 0.2 * (sex == "M")).astype(int)
    for m in (60, 200, n):
        found = measured(sex[:m], y[:m], said[:m])[name].value
        assert found is not None
        assert unsigned(found) == pytest.approx(theirs(y[:m], said[:m], sensitive_features=sex[:m]), abs=1e-12)


def test_benefits_of_few_rows_without_an_error_may_be_unequal() -> None:
    """The delta method knows no spread there; its end is that of Wilson's share, and falls as rows are added."""
    ends = [generalized_entropy([n, n, n, 0, 0, 0], [0, 0, 0, 0, 0, 0]) for n in (1, 10, 1_000)]
    assert [found.value for found in ends] == [0.0, 0.0, 0.0]
    highs = [found.high or 0.0 for found in ends]
    assert highs[0] > 1.0 and highs[0] > highs[1] > highs[2] > 0.0 and highs[2] < 0.01
