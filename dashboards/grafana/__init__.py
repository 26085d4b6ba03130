"""Grafana dashboards, generated from the metric registry: `python -m dashboards.grafana` writes them to `generated/`.

One page a file, shared blocks in `building.py`, all pages in `registry.py`. The JSON is committed and a test says
whether it is current, so that it can be taken from the repository without running anything.
"""

from dashboards.grafana.registry import dashboards, queries, with_everything

__all__ = ["dashboards", "queries", "with_everything"]
