"""Sizes that intake accepts: named here because jobs, HTTP and the command share them."""

BASELINE_BYTES_MAX = 2 * 1024**3
"""A baseline file or body: ten million rows of twenty doubles, compressed, fit well inside."""
SPAN_ROWS_MAX = 2_000_000
"""Stored rows that one request may ask for at once, as a file or as a baseline: they are held in memory."""
LABELS_BYTES_MAX = 256 * 1024**2
DECLARATION_BYTES_MAX = 1024**2
BATCH_BODY_BYTES_MAX = 64 * 1024**2
"""Compressed bytes of one record batch."""
