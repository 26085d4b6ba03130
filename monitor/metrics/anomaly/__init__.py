"""Anomalous rows: a frozen-baseline ECOD score for every row, conformal p-values, the recorded set of a window.

`ecod` is the detector, `tails` its memory of one feature, `conformal` turns scores into p-values, `multiplicity` chooses what a window records, `records`
writes the anomalous rows down, `codec` is the detector's bytes; `anomaly_ratio` is the metric that reads the tiles.
"""
