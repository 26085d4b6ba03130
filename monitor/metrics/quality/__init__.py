"""Metrics of quality, one a file."""
