"""The models own functions, for explanation: ONNX Runtime."""
