"""Metrics of anomaly, one a file."""
