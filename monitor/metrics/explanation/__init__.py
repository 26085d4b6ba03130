"""Attributions: which features made a prediction what it is.

`shapley` is the estimator (a pure function of a scoring function, rows and a background), `explain` applies it to a
window's sampled predictions and writes records and the tile; `attribution_rank_correlation` is the metric that reads tiles.
"""
