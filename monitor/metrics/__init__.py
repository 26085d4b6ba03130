"""Metrics: pure functions from tiles to measurements, one a file, all named in `registry.py`."""
