"""Records that arrive without the tap: CloudEvents, capture files, an application's own middleware, a program's own call.

Each way in makes exchanges, or tensors, and hands them to the same pipeline. `cloudevents.py`, `halves.py`,
`sniffing.py`, `event_capture.py`, `sagemaker.py`, `kafka_messages.py` and `given.py` take values and return values; `gathering.py` is the
thread between an application and its spool, `asgi.py` the middleware, `folder.py` reads files as they grow, `kafka.py` consumes topics.
"""
