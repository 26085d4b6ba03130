"""What enters the monitor over HTTP: record batches, labels, baselines, declarations."""
