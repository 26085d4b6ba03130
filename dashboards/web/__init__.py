"""The built-in web UI: pages on the query API."""
