"""Grafana dashboards, generated from the metric registry."""
