"""Redaction before anything is stored."""
