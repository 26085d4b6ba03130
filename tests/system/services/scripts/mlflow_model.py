"""Run in MLflow's environment: saves a model that answers in the form it was asked. mlflow_model FOLDER"""

import sys

import mlflow
import pandas as pd


class Doubling(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        if isinstance(model_input, pd.DataFrame):
            return model_input.select_dtypes("number").sum(axis=1).to_numpy()
        if isinstance(model_input, dict):
            return {name: value * 2 for name, value in model_input.items()}
        if isinstance(model_input, list):  # rows of instances that are objects
            return model_input
        return model_input * 2


if __name__ == "__main__":
    mlflow.pyfunc.save_model(sys.argv[1], python_model=Doubling())
