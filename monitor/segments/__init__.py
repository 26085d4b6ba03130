"""Segments: Parquet files of rows, and the tables read from users' files.

`local_store.py` keeps segments in a directory; one file per kind of content (rows, labels, findings, records) says what
is in them, `columns.py` how a column crosses to Arrow and back. `files.py` reads what users bring: CSV, Parquet, JSON.
The formats are drawn in docs/formats/segments.md.
"""
