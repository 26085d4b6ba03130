"""Metrics of explanation, one a file."""
