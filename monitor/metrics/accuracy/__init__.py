"""Metrics of accuracy, one a file."""
