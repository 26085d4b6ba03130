"""`python -m dashboards.kibana [FOLDER]`: write the saved objects."""

from __future__ import annotations

import sys
from pathlib import Path

from dashboards.kibana.files import GENERATED, rendered_files


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in rendered_files().items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else GENERATED)
