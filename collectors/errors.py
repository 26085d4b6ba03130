"""Errors of the sidecar."""
