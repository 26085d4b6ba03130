"""Exchange → decode → redact → sample → record: the one use case of capture."""
