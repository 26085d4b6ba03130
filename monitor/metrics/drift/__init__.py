"""Metrics of drift, one a file."""
