"""Batches to the monitor: at least once, acknowledged, with backoff."""
