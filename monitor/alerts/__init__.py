"""The decision layer: evidence, budget, calibration, rules, the life of an alert. Pure; time is an argument."""
