"""`python -m dashboards.grafana [FOLDER]`: write the JSON of every dashboard."""

from __future__ import annotations

import sys
from pathlib import Path

from dashboards.grafana.files import GENERATED, rendered_files


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in rendered_files().items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else GENERATED)
