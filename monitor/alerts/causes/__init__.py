"""Why an alert opened, in one record: feature and slice, since when, a fault of the data or another population, example rows.

Everything here is a pure function of tiles and rows that are handed in; `cause.py` puts the parts together.
"""
