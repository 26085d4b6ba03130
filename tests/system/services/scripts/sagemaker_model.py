"""Run in SageMaker's environment by its inference toolkit: what a user's `inference.py` has; the toolkit does the rest."""

import numpy as np


def model_fn(model_dir):
    return 2


def predict_fn(data, model):
    return np.asarray(data, dtype=np.float64) * model
