"""Run in MLflow's environment: its own client, and every form of request that it takes. mlflow_client ADDRESS"""

import json
import sys

import numpy as np
import pandas as pd
import requests
from mlflow.pyfunc.scoring_server.client import ScoringServerClient
from saying import say, told

FRAME = pd.DataFrame({"age": [41, 17, 30], "income": [1.5, 2.5, -3.0], "town": ["Ulm", "Zürich", ""]})
MODEL = "default"


def column(values):
    return told(np.array(values, np.object_ if isinstance(values[0], str) else None))


def columns(frame):
    return {name: column(frame[name].tolist()) for name in frame}


def post(address, body, content_type="application/json", **headers):
    answer = requests.post(
        f"http://{address}/invocations", data=body, headers={"Content-Type": content_type, **headers}, timeout=30
    )
    return answer.status_code, answer.json()


def main(address):
    host, _, port = address.rpartition(":")
    client = ScoringServerClient(host, int(port))
    # Its own client sends a frame as dataframe_split, an array as inputs, a dictionary of arrays as inputs by name.
    answer = client.invoke(FRAME).get_predictions("ndarray")
    say(MODEL, columns(FRAME), {"output": told(answer.ravel())})
    array = np.array([[0.5, 1.5], [2.5, 3.5]])
    answer = client.invoke(array).get_predictions("ndarray")
    say(MODEL, {"input": told(array)}, {"output": told(answer)})
    named = {"a": np.array([1, 2, 3]), "b": np.array([[0.5], [1.5], [2.5]])}
    status, document = post(address, json.dumps({"inputs": {name: value.tolist() for name, value in named.items()}}))
    found = {name: told(np.array(value)) for name, value in document["predictions"].items()}
    say(MODEL, {name: told(value) for name, value in named.items()}, found, status=status)
    # The forms that it does not send.
    split = json.loads(FRAME.to_json(orient="split"))
    status, document = post(address, json.dumps({"dataframe_split": split, "params": None}))
    say(MODEL, columns(FRAME), {"output": column(document["predictions"])}, status=status)
    records = FRAME.to_dict(orient="records")
    status, document = post(address, json.dumps({"dataframe_records": records}), **{"X-Request-Id": "by-header"})
    say(MODEL, columns(FRAME), {"output": column(document["predictions"])}, status=status)
    status, document = post(address, json.dumps({"instances": array.tolist()}))
    say(MODEL, {"input": told(array)}, {"output": told(np.array(document["predictions"]))}, status=status)
    numbers = FRAME[["age", "income"]]
    status, document = post(address, numbers.to_csv(index=False), "text/csv")
    say(MODEL, columns(numbers), {"output": column(document["predictions"])}, status=status)
    status, document = post(address, json.dumps({"rows": [1]}))
    words = document["message"][:1024]  # as much as a record keeps
    say(MODEL, {"rows": told(np.array([[1]]))}, {}, status=status, error=words, rows=1)


if __name__ == "__main__":
    main(sys.argv[1])
