"""Use cases: one a file, each a function of ports and values."""
