"""What `outrider doctor` looks at: servers (`servers`), connections (`connections`), a probe through our own pipeline (`probe`).

A *check* is one thing that was looked at, with its answer. Nothing here changes anything but for the probe, which is
an inference like any other. The plain install has all it takes.
"""
