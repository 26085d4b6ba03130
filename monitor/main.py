"""Wires the monitor: the one place where its parts meet."""
