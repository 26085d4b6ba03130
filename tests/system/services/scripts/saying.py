"""For clients' scripts: what was sent and received, one JSON document an exchange on standard output."""

import base64
import json


def told(array, datatype=None):
    """An array as the tests compare it: little-endian bytes, or texts."""
    if array.dtype.kind in "OSU":
        items = [v.encode() if isinstance(v, str) else bytes(v) for v in array.ravel().tolist()]
        texts = [base64.b64encode(item).decode() for item in items]
        return {"datatype": "BYTES", "shape": list(array.shape), "items": texts}
    names = {"f": "FP", "i": "INT", "u": "UINT", "b": "BOOL"}
    kind = names[array.dtype.kind]
    found = datatype or (kind if kind == "BOOL" else f"{kind}{8 * array.dtype.itemsize}")
    little = array.astype(array.dtype.newbyteorder("<"))
    return {"datatype": found, "shape": list(array.shape), "data": base64.b64encode(little.tobytes()).decode()}


def say(model, inputs, outputs, *, version="", id=None, status=200, error=None, rows=None):
    first = next(iter(inputs.values()), None)
    document = {
        "model": model,
        "version": version,
        "id": id,
        "status": status,
        "error": error,
        "rows": rows if rows is not None else (first["shape"][0] if first and first["shape"] else 1),
        "inputs": inputs,
        "outputs": outputs,
    }
    print(json.dumps(document), flush=True)
