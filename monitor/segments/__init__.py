"""Segments: Parquet files of rows, and the tables read from users' files."""
