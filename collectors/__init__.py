"""The sidecar: sees the traffic of an inference server and ships records. Light: the plain install is this half.

A *collector* attaches to a server; an *exchange* is a request and its response as seen on the wire; an *event* is a
protocol event inside a collector.
"""
