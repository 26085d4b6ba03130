"""Wires the sidecar: the one place where its parts meet."""
