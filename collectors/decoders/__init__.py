"""Exchange → records, one file per serving API, all named in `registry.py`. Pure."""
