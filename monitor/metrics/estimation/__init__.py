"""Performance without labels: what the baseline taught of scores and losses, applied to a window's rows.

*Curve*: what a score means (calibration). *Regions*: parts of the feature space where it means different things. *Loss
model*: how large an error to expect of a row. All three are frozen with the baseline; a window only counts.
"""
