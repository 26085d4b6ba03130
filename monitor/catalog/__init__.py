"""The catalog: models, baselines, windows, segments, labels' whereabouts, alerts, in SQL."""
