"""The generated file, and the searches in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dashboards.kibana.building import INDICES, saved_objects, search_body
from dashboards.kibana.pages import pages
from monitor.metrics.registry import STANDARD

GENERATED = Path(__file__).parent / "generated"


def rendered_files() -> dict[str, str]:
    """File name → content: one file of saved objects, one object a line, as Kibana imports it."""
    lines = [json.dumps(one, ensure_ascii=False, sort_keys=True) for one in saved_objects(pages(STANDARD))]
    return {"outrider.ndjson": "\n".join(lines) + "\n"}


def queries(interval: str = "5m") -> list[tuple[str, str, str, dict[str, Any]]]:
    """(page, panel title, index pattern, search body) of every panel, without the page's time range."""
    return [
        (page.name, panel.title, INDICES[panel.index], search_body(panel, interval))
        for page in pages(STANDARD)
        for panel in page.panels
    ]
