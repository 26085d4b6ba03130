"""Kibana saved objects, generated from the metric registry: `python -m dashboards.kibana` writes `generated/`.

Pages in `pages.py`, blocks in `building.py`. They show the data streams that the Elasticsearch exporter writes.
"""

from dashboards.kibana.files import queries

__all__ = ["queries"]
