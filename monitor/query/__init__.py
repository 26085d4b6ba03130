"""What the monitor answers over HTTP: models, windows, measurements, alerts. What many requests ask alike is read by `asked`."""
