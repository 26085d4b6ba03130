"""Run in SageMaker's environment: every media type of its toolkit, by the toolkit's own codecs. sagemaker_client ADDRESS"""

import json
import sys
import urllib.error
import urllib.request

import numpy as np
from sagemaker_inference import content_types, decoder, encoder
from saying import say, told

NUMBERS = np.array([[0.5, -2.25], [3.0, 4.5], [1e-3, 7.0]])
ONE = np.array([[1.5, 2.5]])
MODEL, NAME = "default", "model"
MEDIA = (content_types.JSON, content_types.CSV, content_types.NPY)


def post(address, path, body, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(f"http://{address}{path}", body, named)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def encoded(array, media):
    found = encoder.encode(array, media)
    return found if isinstance(found, bytes) else found.encode()


def decoded(body, media):
    return decoder.decode(body if media == content_types.NPY else body.decode(), media)


def main(address):
    for sent in MEDIA:
        for accepted in MEDIA:
            status, body = post(address, "/invocations", encoded(NUMBERS, sent), content_type=sent, accept=accepted)
            assert status == 200, body
            say(MODEL, {"input": told(NUMBERS)}, {"output": told(decoded(body, accepted))})
    for array in (np.asfortranarray(NUMBERS), NUMBERS.astype(">f4"), NUMBERS.astype(np.int8), NUMBERS.ravel() > 1):
        sent = encoded(array, content_types.NPY)
        status, body = post(address, "/invocations", sent, content_type=content_types.NPY, accept=content_types.NPY)
        assert status == 200, body
        say(MODEL, {"input": told(array)}, {"output": told(decoded(body, content_types.NPY))})
    # A container of many models has each at a path of its own; a gateway says which was meant.
    sent = encoded(ONE, content_types.NPY)
    status, body = post(
        address, f"/models/{NAME}/invoke", sent, content_type=content_types.NPY, accept=content_types.NPY
    )
    say(NAME, {"input": told(ONE)}, {"output": told(decoded(body, content_types.NPY))}, status=status)
    asked = {"content_type": content_types.JSON, "x_amzn_sagemaker_target_model": "a.tar.gz"}
    status, body = post(address, "/invocations", encoded(ONE, content_types.JSON), **asked)
    say("a.tar.gz", {"input": told(ONE)}, {"output": told(np.array(json.loads(body)))}, status=status)
    # What the model cannot take, and a media type that nobody has: bytes, whatever they are.
    for body, media, inputs in (
        (b'[["Ulm"]]', content_types.JSON, told(np.array([["Ulm"]], np.object_))),
        (b"\x00\xffpixels", "image/x-test", told(np.array([b"\x00\xffpixels"], np.object_))),
    ):
        status, answer = post(address, "/invocations", body, content_type=media)
        say(MODEL, {"input": inputs}, {}, status=status, error=answer.decode().partition("\n")[0], rows=1)


if __name__ == "__main__":
    main(sys.argv[1])
