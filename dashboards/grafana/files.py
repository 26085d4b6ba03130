"""The generated files, as they should be in the repository."""

from __future__ import annotations

import json
from pathlib import Path

from dashboards.grafana.building import render
from dashboards.grafana.registry import dashboards

GENERATED = Path(__file__).parent / "generated"


def rendered_files() -> dict[str, str]:
    """File name → content of every dashboard."""
    return {f"{d.uid}.json": json.dumps(render(d), indent=2, ensure_ascii=False) + "\n" for d in dashboards()}
