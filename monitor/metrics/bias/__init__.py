"""Metrics of bias, one a file."""
