"""What crosses from a collector to the monitor: record types, their encoding, the canonical form of a category.

Pure and small; the only package that both halves import. A *record* is one thing that crosses: a prediction exchange,
a gap, a ledger entry. A *batch* is what is spooled, shipped, acknowledged and deduplicated as one.
"""
