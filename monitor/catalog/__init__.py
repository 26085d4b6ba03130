"""The catalog: models, baselines, windows, segments, labels' whereabouts, alerts, in SQL.

`tables.py` names the tables, `opening.py` connects and migrates, `sql_catalog.py` draws the transactions; the statements
live in one file per subject. SQL stays in this folder.
"""

from monitor.catalog.opening import open_catalog

__all__ = ["open_catalog"]
