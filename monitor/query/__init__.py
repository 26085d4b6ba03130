"""What the monitor answers over HTTP: models, windows, measurements, alerts."""
